import { buildConnector } from "./build/connector.ts";
import type { Connector } from "./connector.ts";
import { type Bases, type Extended, extend } from "./extends.ts";
import type { PlainHttp } from "./lint/rule.ts";
import { lint } from "./lint.ts";
import { tooMuchWork } from "./pattern-size.ts";
import { byPlace, type Problem, type ProblemCode } from "./problem.ts";
import { record } from "./record.ts";
import type { Manifest } from "./schema/manifest.ts";
import { type Finding, type Path, pathText, Source } from "./source.ts";
import { Texts } from "./text.ts";
import { shapeFindings } from "./validate.ts";

export interface Compilation {
  /** Present if no problem is an error. */
  readonly connector: Connector | undefined;
  /** All problems, by place. */
  readonly problems: readonly Problem[];
}

export interface CompileOptions {
  readonly file: string;
  readonly folder?: string | undefined;
  readonly plainHttp?: PlainHttp | undefined;
  /** Where a manifest that this one `extends` is found. */
  readonly bases?: Bases | undefined;
}

const most = 200;

/**
 * Compiles a manifest. `file` is shown with the problems; `folder` is the name of the folder that it is in, which the manifest's
 * `name` must equal; `plainHttp` says to which hosts this deployment may speak without TLS (none). Never throws: whatever is wrong with
 * the text is a problem.
 */
export function compile(text: string, options: CompileOptions): Compilation {
  const source = new Source(text, options.file);
  if (source.problems.length > 0) return { connector: undefined, problems: [...source.problems].sort(byPlace) };
  const heavy = heavyPattern(source.data);
  if (heavy) return failed(source, [heavy]);
  const extended = extend(source.data, options.bases);
  if (extended.findings.length > 0) return failed(source, extended.findings);
  const { data } = extended;
  const shape = shapeFindings(data);
  const texts = new Texts(data);
  const found = lint({
    manifest: soundPart(data, shape),
    texts,
    folder: options.folder,
    plainHttp: options.plainHttp ?? (() => false),
  });
  const matters = (finding: Finding) => !mayBeInherited.has(finding.code) || !extended.inherited(finding.path);
  const first = found.filter((finding) => matters(finding) && !followsFrom(shape, finding));
  const findings = [...shape, ...withoutOtherNames(first)];
  const problems = findings.slice(0, most).map((finding) => source.problem(placed(finding, extended, source.data)));
  problems.sort(byPlace);
  if (problems.some(({ severity }) => severity === "error")) return { connector: undefined, problems };
  return { connector: buildConnector(data as Manifest, texts, text + (extended.base ?? "")), problems };
}

/**
 * The stored definition of an auth version as a connector, without actions. It was free of errors when it was stored, and is not judged
 * again by rules that came later. Throws `Error` where a text of it is not understood any more.
 */
export function restore(definition: string): Connector {
  const manifest = JSON.parse(definition) as Manifest;
  const texts = new Texts(manifest);
  const wrong = texts.all.find(({ error }) => error !== undefined);
  if (wrong !== undefined) throw new Error(`\`${pathText(wrong.path)}\` is not understood`, { cause: wrong.error });
  return buildConnector(manifest, texts, definition);
}

/** Regular expressions that would take long to compile, whatever else is wrong with the manifest. */
function heavyPattern(data: unknown): Finding | undefined {
  const path = tooMuchWork(data);
  if (!path) return undefined;
  const message = "With this one, the regular expressions of the manifest repeat too much together.";
  const hint = "Use smaller numbers of repetitions, or the same expression again.";
  return { code: "bad_regular_expression", path, message, hint };
}

function failed(source: Source, findings: readonly Finding[]): Compilation {
  return { connector: undefined, problems: findings.map((finding) => source.problem(finding)).sort(byPlace) };
}

/** What was inherited is shown at `extends`, as it stands nowhere in this text. */
function placed(finding: Finding, { base, inherited }: Extended, own: unknown): Finding {
  if (base === undefined) return finding;
  const path = finding.code === "missing_key" ? finding.path.slice(0, -1) : finding.path;
  if (!inherited(path)) return finding;
  const { extends: name } = own as { extends: string };
  return {
    code: finding.code,
    path: ["extends"],
    message: `In what \`${name}\` brings along, ${pathText(finding.path)}: ${finding.message}`,
    ...(finding.hint === undefined ? {} : { hint: finding.hint }),
  };
}

const mostRounds = 4;

/** The data without what is wrong with its shape, if the rest can stand alone: so one mistyped key hides no other problem. */
function soundPart(data: unknown, findings: readonly Finding[]): Manifest | undefined {
  const refused: Refused = { parts: new Map(), whole: false };
  let rest = data;
  let wrong = findings;
  for (let round = 0; round < mostRounds && wrong.length > 0; round++) {
    for (const { code, path } of wrong) refuse(refused, code === "missing_key" ? path.slice(0, -1) : path);
    if (refused.whole) return undefined;
    rest = without(data, refused);
    wrong = shapeFindings(rest);
  }
  return wrong.length === 0 ? (rest as Manifest) : undefined;
}

/** Which parts of a value are left out. */
interface Refused {
  readonly parts: Map<string | number, Refused>;
  whole: boolean;
}

function refuse(refused: Refused, path: Path): void {
  let at = refused;
  for (const step of path) {
    const next = at.parts.get(step) ?? { parts: new Map(), whole: false };
    at.parts.set(step, next);
    at = next;
  }
  at.whole = true;
}

function without(data: unknown, { parts }: Refused): unknown {
  if (typeof data !== "object" || data === null) return data;
  const kept = <Step extends string | number>([step, value]: readonly [Step, unknown]): (readonly [Step, unknown])[] => {
    const refused = parts.get(step);
    if (!refused) return [[step, value]];
    return refused.whole ? [] : [[step, without(value, refused)]];
  };
  if (Array.isArray(data)) return [...data.entries()].flatMap(kept).map(([, value]) => value);
  return record(Object.entries(data).flatMap(kept));
}

const isSame = (a: Path, b: Path) => a.length === b.length && a.every((step, index) => step === b[index]);

/** What a rule may find only because something else was left out for its shape. */
const dependent = new Set<ProblemCode>([
  "unknown_field",
  "unknown_input",
  "unknown_variable_of_environment",
  "undeclared_scope",
  "unused_field",
  "unused_input",
  "missing_label",
  "missing_unique_id",
  "missing_apply",
  "host_hole_unbound",
  "issuer_missing",
  "whitelist_gap",
  "request_target",
  "capture_bounds",
  "after_connect_unclear",
  "unused_capture",
  "unused_scope",
  "unused_options",
  "unknown_options",
  "unknown_auth",
  "no_revocation",
  "revocation_unclear",
  "risk_not_acknowledged",
  "app_key_missing",
  "apply_without_credential",
  "key_without_effect",
  "body_with_get",
  "options_missing",
  "page_never_sent",
  "page_without_pages",
  "mapper_missing",
  "mapper_incomplete",
  "verification_missing",
  "verification_unclear",
  "parser_missing",
  "subscription_missing",
]);

/** What another connector brings along need not all be used. */
const mayBeInherited: ReadonlySet<ProblemCode> = new Set<ProblemCode>(["unused_capture", "unused_field", "unused_scope"]);

/** What is declared under one name and used by another is one problem: that of the name that nobody knows. */
const unknownFor: Readonly<Partial<Record<ProblemCode, ProblemCode>>> = {
  unused_field: "unknown_field",
  unused_input: "unknown_input",
  unused_options: "unknown_options",
  unused_scope: "undeclared_scope",
};

/** An input belongs to its action; the rest may be used anywhere. */
const ownerOf = ({ code, path }: Finding) => (code.endsWith("_input") ? path.slice(0, 2).join(".") : "");

function withoutOtherNames(findings: readonly Finding[]): readonly Finding[] {
  const unknown = new Set(findings.map((finding) => `${finding.code} ${ownerOf(finding)}`));
  return findings.filter((finding) => !unknown.has(`${unknownFor[finding.code]} ${ownerOf(finding)}`));
}

/** A key that a rule misses stands there under another name, or what makes it necessary is itself wrong. */
function isMissedFor(wrong: Finding, path: Path): boolean {
  if (!isSame(wrong.path.slice(0, -1), path.slice(0, -1))) return false;
  return wrong.code === "not_allowed" || (wrong.code === "unknown_key" && wrong.hint?.includes(`\`${path.at(-1)}\`?`) === true);
}

function followsFrom(shape: readonly Finding[], { code, path }: Finding): boolean {
  if (code === "missing_key" && shape.some((wrong) => isMissedFor(wrong, path))) return true;
  if (shape.some((wrong) => wrong.path.length > 0 && isSame(wrong.path, path.slice(0, wrong.path.length)))) return true;
  return dependent.has(code) && shape.some((wrong) => wrong.code !== "unknown_key" || wrong.hint?.startsWith("Did you mean"));
}
