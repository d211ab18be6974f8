import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { compile } from "../src/compile.ts";
import { compileExpression, ExpressionError } from "../src/expression.ts";
import { formatProblem } from "../src/problem.ts";

const golden = join(__dirname, "../../../test/golden/manifest");
const manifests = readdirSync(golden)
  .map((file) => readFileSync(join(golden, file), "utf8").split("\n-----")[0] ?? "")
  .filter((text) => text.length < 4000);

/** Numbers below a limit, the same ones each time. */
function sequence(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

const pieces = [
  ..."[]{}:,-?|>&*!%@`#'\"\\\n\t ~<=+.()$/^",
  "{{",
  "}}",
  "null",
  "true",
  "1e999",
  "- ",
  ": ",
  "<<: ",
  "\u0000",
  "\ud800",
  "\u2028",
  "__proto__: ",
  "constructor: ",
  "{{ $",
  "{{ ** }}",
  "?:",
  "??",
  "function($x){",
  "~>",
  "%",
  "@$v",
  "/(a+)+$/",
  "!!js/function ",
  "---\n",
];

function mutate(text: string, random: (limit: number) => number): string {
  let mutated = text;
  for (let count = 1 + random(3); count > 0; count--) {
    const at = random(mutated.length + 1);
    const length = random(3) === 0 ? random(30) : 0;
    const other = manifests[random(manifests.length)] ?? "";
    const start = random(other.length);
    const inserted = [pieces[random(pieces.length)] ?? "", other.slice(start, start + random(40)), ""][random(3)] ?? "";
    mutated = mutated.slice(0, at) + inserted + mutated.slice(at + length);
  }
  return mutated;
}

test("whatever is done to a manifest, it ends in a connector or in problems", () => {
  const random = sequence(20_240_607);
  const began = performance.now();
  let connectors = 0;
  for (let run = 0; run < 4000 && performance.now() - began < 60_000; run++) {
    const text = mutate(manifests[run % manifests.length] ?? "", random);
    const { connector, problems } = compile(text, { file: "connector.yaml", folder: "acme" });
    const failed = problems.some(({ severity }) => severity === "error");
    expect([text, connector === undefined]).toEqual([text, failed]);
    if (connector) connectors++;
    const lines = text.replace(/^\ufeff/, "").split("\n");
    for (const problem of problems) {
      expect(problem.message).toMatch(/\S/);
      expect(problem.line).toBeGreaterThanOrEqual(1);
      expect(problem.line).toBeLessThanOrEqual(lines.length);
      expect(problem.column).toBeLessThanOrEqual((lines[problem.line - 1] ?? "").length + 1);
      expect(problem.length).toBeGreaterThanOrEqual(1);
      expect(formatProblem(problem).split("\n")).toHaveLength(3);
    }
  }
  expect(connectors).toBeGreaterThan(50);
}, 120_000);

const tokens = [
  ..."abc.()[]{}<>+-*/%&=?:;,@#^|~$'\"`!\\ 019",
  "$x",
  "$$",
  ":=",
  "~>",
  "??",
  "?:",
  "..",
  "**",
  "function($x){",
  "λ($y){",
  " and ",
  " or ",
  " in ",
  "$map(",
  "$string(",
  "$replace(",
  "/a+/",
  "'text'",
  "[1..9]",
  "{'k': ",
  "true",
  "null",
];

test("whatever an expression is made of, it ends in a value or in an ExpressionError", async () => {
  const random = sequence(77);
  const began = performance.now();
  const data = {
    a: [
      { b: 1, c: "x" },
      { b: [2, null], c: {} },
    ],
    b: "text",
    c: null,
    x: 5,
  };
  let values = 0;
  for (let run = 0; run < 6000 && performance.now() - began < 60_000; run++) {
    const source = Array.from({ length: 1 + random(14) }, () => tokens[random(tokens.length)]).join("");
    try {
      const result = await compileExpression(source).evaluate(data);
      expect(() => JSON.stringify(result)).not.toThrow();
      values++;
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw new Error(`${source}: ${String(error)}`, { cause: error });
      expect(error.position ?? 0).toBeLessThanOrEqual(source.length);
    }
  }
  expect(values).toBeGreaterThan(150);
}, 120_000);
