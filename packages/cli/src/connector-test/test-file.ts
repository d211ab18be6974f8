import { readFile, writeFile } from "node:fs/promises";
import { Ajv, type ErrorObject, type ValidateFunction } from "ajv";
import {
  type Document,
  isCollection,
  isMap,
  isNode,
  isScalar,
  LineCounter,
  type Pair,
  parseDocument,
  visit,
  type YAMLMap,
} from "yaml";
import { fits } from "./compare.ts";
import { type ConnectorTest, testJsonSchema } from "./format.ts";
import type { Observation, Path } from "./replay.ts";

/** Something wrong with the text of a test.yaml. */
export interface FileProblem {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** A test.yaml, and where everything in it stands. */
export class TestFile {
  readonly file: string;
  readonly problems: readonly FileProblem[];
  /** Undefined where there are problems. */
  readonly test: ConnectorTest | undefined;
  private readonly document: Document;
  private readonly lines = new LineCounter();

  private constructor(file: string, text: string) {
    this.file = file;
    this.document = parseDocument(text, { lineCounter: this.lines, maxAliasCount: 0 } as object);
    const syntax = this.document.errors.map(({ message, linePos }) => ({
      line: linePos?.[0].line ?? 1,
      column: linePos?.[0].col ?? 1,
      message: message.split("\n")[0] ?? "",
    }));
    const data: unknown = syntax.length === 0 ? this.document.toJS() : undefined;
    this.problems = syntax.length > 0 ? syntax : this.shapeProblems(data);
    this.test = this.problems.length === 0 ? (data as ConnectorTest) : undefined;
  }

  static async read(file: string): Promise<TestFile | undefined> {
    const text = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw error;
    });
    return text === undefined ? undefined : new TestFile(file, text);
  }

  private shapeProblems(data: unknown): FileProblem[] {
    const check = validator();
    if (check(data)) return [];
    return (check.errors ?? [])
      .filter(({ keyword }) => keyword !== "anyOf")
      .map((error) => ({ ...this.place(pathOf(error)), message: wordsOf(error) }));
  }

  /** Where the value at a path stands, or else the nearest part around it. */
  place(path: Path): { readonly line: number; readonly column: number } {
    for (let length = path.length; length > 0; length--) {
      const node = this.document.getIn(path.slice(0, length), true);
      if (isNode(node) && node.range) {
        const { line, col } = this.lines.linePos(node.range[0]);
        return { line, column: col };
      }
    }
    return { line: 1, column: 1 };
  }

  /** Writes what was made in place of what was expected; comments and the author's own keys stay. Gives whether anything changed. */
  async update(observations: readonly Observation[]): Promise<boolean> {
    const changed = observations.filter(({ expected, actual }) => !fits(expected, actual));
    if (changed.length === 0) return false;
    for (const { path, actual } of changed) {
      if (actual === undefined) this.document.deleteIn(path);
      else this.set(path, actual);
    }
    await writeFile(this.file, this.written());
    return true;
  }

  /** The library pads lists in brackets as it pads maps; `[{ a: 1 }]` is how manifests are written. */
  private written(): string {
    const padded = this.document.toString({ lineWidth: 0 });
    const tight = padded.replace(/\[ (?=\S)/g, "[").replace(/(?<=\S) \](?=[\s,}\]]|$)/g, "]");
    const data = JSON.stringify(this.document.toJS());
    const reread = parseDocument(tight);
    return reread.errors.length === 0 && JSON.stringify(reread.toJS()) === data ? tight : padded;
  }

  private set(path: Path, value: unknown): void {
    const node = this.document.createNode(value);
    const headers = isMap(node) ? node.get("headers", true) : undefined;
    if (isMap(headers)) headers.flow = true;
    visit(node, {
      Seq(_, list) {
        list.flow = list.items.every(isScalar);
      },
    });
    // What is written is long: it does not fit into braces on one line.
    for (let length = 1; length < path.length; length++) {
      const around = this.document.getIn(path.slice(0, length), true);
      if (isCollection(around)) around.flow = false;
    }
    const key = String(path.at(-1));
    const parent = this.document.getIn(path.slice(0, -1), true);
    const before = followers[key];
    if (before === undefined || !isMap(parent) || parent.has(key)) this.document.setIn(path, node);
    else insert(parent, this.document.createPair(key, node), before);
  }
}

/** Before which keys of its map a new key is written, so that a case reads in the order in which it happens. */
const followers: Readonly<Record<string, readonly string[]>> = {
  request: ["answer"],
  expect: ["actions", "refresh", "disconnect", "whitelist"],
};

function insert(map: YAMLMap, pair: Pair, before: readonly string[]): void {
  const items = map.items as Pair[];
  const at = items.findIndex(({ key }) => before.includes(String(isScalar(key) ? key.value : key)));
  items.splice(at < 0 ? items.length : at, 0, pair);
}

let compiled: ValidateFunction | undefined;

function validator(): ValidateFunction {
  compiled ??= new Ajv({ allErrors: true, strictTypes: false }).compile(testJsonSchema);
  return compiled;
}

function pathOf({ instancePath, keyword, params }: ErrorObject): Path {
  const path = instancePath
    .split("/")
    .slice(1)
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"))
    .map((step) => (/^\d+$/.test(step) ? Number(step) : step));
  return keyword === "additionalProperties" ? [...path, String(params.additionalProperty)] : path;
}

function wordsOf({ keyword, params, message, instancePath }: ErrorObject): string {
  if (keyword === "additionalProperties") return `\`${params.additionalProperty}\` is not a key here.`;
  if (keyword === "required") return `The key \`${params.missingProperty}\` is missing.`;
  return `${instancePath.split("/").pop() || "The file"} ${message}.`;
}
