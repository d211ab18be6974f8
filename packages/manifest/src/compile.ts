import { buildConnector } from "./build.ts";
import type { Connector } from "./connector.ts";
import { lint } from "./lint.ts";
import { byPlace, type Problem } from "./problem.ts";
import type { Manifest } from "./schema/manifest.ts";
import { type Finding, type Path, Source } from "./source.ts";
import { record, Texts } from "./text.ts";
import { shapeFindings } from "./validate.ts";

export interface Compilation {
  /** Present if no problem is an error. */
  readonly connector: Connector | undefined;
  /** All problems, by place. */
  readonly problems: readonly Problem[];
}

const most = 200;

/**
 * Compiles a manifest. `file` is shown with the problems; `folder` is the name of the folder that it is in, which the manifest's
 * `name` must equal. Never throws: whatever is wrong with the text is a problem.
 */
export function compile(text: string, options: { file: string; folder?: string }): Compilation {
  const source = new Source(text, options.file);
  if (source.problems.length > 0) return { connector: undefined, problems: [...source.problems].sort(byPlace) };
  const shape = shapeFindings(source.data);
  const texts = new Texts(source.data);
  const sound = soundPart(source.data, shape);
  const findings = [...shape, ...lint({ manifest: sound, texts, folder: options.folder })];
  const problems = findings.slice(0, most).map((finding) => source.problem(finding));
  problems.sort(byPlace);
  const failed = problems.some(({ severity }) => severity === "error");
  return { connector: failed ? undefined : buildConnector(source.data as Manifest, texts, text), problems };
}

/** The data without what is wrong with its shape, if the rest can stand alone: so one mistyped key hides no other problem. */
function soundPart(data: unknown, findings: readonly Finding[]): Manifest | undefined {
  if (findings.length === 0) return data as Manifest;
  const rest = without(data, findings, []);
  return shapeFindings(rest).length === 0 ? (rest as Manifest) : undefined;
}

function without(data: unknown, findings: readonly Finding[], path: Path): unknown {
  const refused = (step: string | number) => findings.some((finding) => samePath(finding.path, [...path, step]));
  if (Array.isArray(data)) {
    return data.flatMap((item, index) => (refused(index) ? [] : [without(item, findings, [...path, index])]));
  }
  if (typeof data !== "object" || data === null) return data;
  const kept = Object.entries(data).filter(([key]) => !refused(key));
  return record(kept.map(([key, value]) => [key, without(value, findings, [...path, key])] as const));
}

const samePath = (a: Path, b: Path) => a.length === b.length && a.every((step, index) => step === b[index]);
