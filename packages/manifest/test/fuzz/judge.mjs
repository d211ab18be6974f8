// @ts-check
import { isDeepStrictEqual } from "node:util";
import { processorTime } from "./processor-time.mjs";

/**
 * What is judged: the compiler and its parts.
 * @typedef {{
 *   compile: typeof import("../../src/compile.ts").compile,
 *   formatProblem: typeof import("../../src/problem.ts").formatProblem,
 *   readUsual: typeof import("../../src/source.ts").readUsual,
 *   readThoroughly: typeof import("../../src/source.ts").readThoroughly,
 *   fits: (data: unknown) => boolean,
 *   searchFindings: typeof import("../../src/validate.ts").searchFindings,
 * }} Tools
 */

/** @param {boolean} holds @param {string} otherwise */
function must(holds, otherwise) {
  if (!holds) throw new Error(otherwise);
}

/**
 * Throws unless the text ends in a connector or in problems that can be shown. Gives whether it is a connector, and the processor
 * time of the compilation in milliseconds.
 * @param {string} text
 * @param {Tools} tools
 */
export function judge(text, tools) {
  const { result, milliseconds } = processorTime(() => tools.compile(text, { file: "connector.yaml" }));
  const { connector, problems } = result;
  const failed = problems.some(({ severity }) => severity === "error");
  must((connector === undefined) === failed, `${problems.length} problems, and ${connector ? "a" : "no"} connector`);
  const lines = text.replace(/^\ufeff/, "").split("\n");
  for (const problem of problems) {
    const { line, column, length, message } = problem;
    must(/\S/.test(message), "a problem says nothing");
    must(line >= 1 && line <= lines.length, `a problem is in line ${line} of ${lines.length}`);
    must(column >= 1 && column <= (lines[line - 1] ?? "").length + 1, `a problem is in column ${column} of line ${line}`);
    must(length >= 1, "a problem has no length");
    must(tools.formatProblem(problem).split("\n").length === 3, "a problem is not shown in three lines");
  }
  sameWithoutHaste(text, tools);
  return { connector: connector !== undefined, milliseconds };
}

/** The quick readers say what the thorough ones say, or nothing. @param {string} text @param {Tools} tools */
function sameWithoutHaste(text, { readUsual, readThoroughly, fits, searchFindings }) {
  const quick = text.startsWith("\ufeff") || text.length > 256 * 1024 ? undefined : readUsual(text);
  if (quick === undefined) return;
  const { data, faults } = readThoroughly(text);
  must(faults.length === 0, `read quickly although ${faults[0]?.message}`);
  must(isDeepStrictEqual(quick, data) && JSON.stringify(quick) === JSON.stringify(data), "read quickly as something else");
  if (fits(quick)) must(searchFindings(quick).length === 0, `fits although ${searchFindings(quick)[0]?.message}`);
}
