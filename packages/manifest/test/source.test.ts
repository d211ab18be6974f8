import { compile } from "../src/compile.ts";
import { Source } from "../src/source.ts";

/** Milliseconds: far above what a busy machine needs, far below what an unguarded run takes. */
const hang = 30_000;

const codesOf = (text: string) => new Source(text, "f.yaml").problems.map(({ code }) => code);

describe("text that would abort the process in the parser", () => {
  const blocks = Array.from({ length: 300 }, (_, depth) => `${" ".repeat(depth)}a:`).join("\n");
  const bombs: Record<string, string> = {
    brackets: `${"[".repeat(5000)}1${"]".repeat(5000)}`,
    "brackets that are never closed": "[".repeat(200_000),
    braces: `${"{a: ".repeat(5000)}1${"}".repeat(5000)}`,
    dashes: `${"- ".repeat(5000)}1`,
    "question marks": `${"? ".repeat(5000)}1`,
    "keys on one line": `${"a: ".repeat(5000)}1`,
    indentation: blocks,
    "indented lists": Array.from({ length: 300 }, (_, depth) => `${" ".repeat(depth)}-`).join("\n"),
    "mixed brackets": "[{a: ".repeat(2000),
    "brackets below a key": `name: x\nauth:\n  - ${"[".repeat(5000)}`,
  };
  test.each(Object.entries(bombs))("%s are refused, twice in one process", (_, bomb) => {
    for (let time = 0; time < 2; time++) expect(codesOf(bomb)).toEqual(["too_deep"]);
  });
});

test("the size is looked at before anything else", () => {
  expect(codesOf(`# ${"x".repeat(256 * 1024)}`)).toEqual(["too_large"]);
  expect(codesOf(`# ${"ü".repeat(130 * 1024)}`)).toEqual(["too_large"]);
});

test("very many values are refused", () => {
  expect(codesOf(`[${"1,".repeat(60_000)}1]`)).toEqual(["too_many_values"]);
});

describe("text that some parsers take very long for", () => {
  const slow: Record<string, string> = {
    "many keys": Array.from({ length: 24_000 }, (_, index) => `k${index}: 1`).join("\n"),
    "many lines of a quoted text": `"${"a\n".repeat(80_000)}`,
    "many tabs": "\t\n".repeat(100_000),
    "many anchors": "&a ".repeat(80_000),
    "many comments": "#\n".repeat(120_000),
    "many documents": "---\n".repeat(60_000),
    "many bad escapes": `"${"\\q".repeat(100_000)}"`,
    "many empty pairs": ": \n".repeat(80_000),
    "many closing brackets": "]".repeat(200_000),
    "many lists side by side": "[]".repeat(120_000),
    "many quotes": '"'.repeat(250_000),
    "many block scalars": "a: |\n".repeat(50_000),
    "long plain text": "a ".repeat(120_000),
  };
  test.each(Object.entries(slow))("%s are answered in time", (_, text) => {
    const began = performance.now();
    compile(text, { file: "f.yaml" });
    expect(performance.now() - began).toBeLessThan(hang);
  });
});

test("data inherits no name, and none can be given to it from outside", () => {
  const { data } = new Source("a: { b: 1 }\nc: [{ d: x }]\n", "f.yaml");
  for (const map of [data as object, (data as { a: object }).a]) {
    for (const name of Object.getOwnPropertyNames(Object.prototype)) expect([name, name in map]).toEqual([name, false]);
    const prototype = Object.getPrototypeOf(map) as object;
    expect([Object.isFrozen(prototype), Reflect.ownKeys(prototype), Object.getPrototypeOf(prototype)]).toEqual([true, [], null]);
  }
  expect(JSON.stringify(data)).toBe('{"a":{"b":1},"c":[{"d":"x"}]}');
});

test("words that YAML 1.1 took for something else stay texts", () => {
  const { data } = new Source("a: yes\nb: 010\nc: 12:30:45\nd: 0o10\ne: ~\n", "f.yaml");
  expect({ ...(data as object) }).toEqual({ a: "yes", b: 10, c: "12:30:45", d: 8, e: null });
});

test("every character of a text is found again in the source", () => {
  const text = [
    "plain: one two",
    "folded plain: one",
    "  two",
    "",
    "  three",
    "single: 'it''s one",
    "  two'",
    'double: "one \\"two\\" \\',
    "  three",
    "",
    '  four"',
    "literal: |",
    "    one",
    "      two",
    "",
    "    three",
    "folded: >-",
    "  one",
    "  two",
    "",
    "  three",
    "indented: |2",
    "    one",
    "  two",
  ].join("\n");
  const source = new Source(text, "f.yaml");
  const lines = text.split("\n");
  for (const [key, value] of Object.entries(source.data as Record<string, string>)) {
    for (const [start, character] of [...value].entries()) {
      const { line, column } = source.problem({ code: "not_allowed", path: [key], message: "", within: { start, length: 1 } });
      const found = lines[line - 1]?.[column - 1] ?? "\n";
      const isEscaped = character === '"' && found === "\\";
      if (!/\s/.test(character) && !isEscaped) expect([key, start, found]).toEqual([key, start, character]);
    }
  }
});

test("escapes of several characters count as one", () => {
  const source = new Source('a: "\\u0041\\x41\\U0001F600b"', "f.yaml");
  const value = (source.data as { a: string }).a;
  expect(value).toBe("AA\u{1f600}b");
  const { column } = source.problem({
    code: "not_allowed",
    path: ["a"],
    message: "",
    within: { start: value.length - 1, length: 1 },
  });
  expect(column).toBe(25);
});

test("a byte order mark and Windows line ends change no position", () => {
  const { problems } = compile("\ufeffmanifest: 1\r\nname: acme\r\ntitel: x\r\n", { file: "f.yaml" });
  const unknown = problems.find(({ code }) => code === "unknown_key");
  expect(unknown).toMatchObject({ line: 3, column: 1, length: 5, excerpt: "    3 | titel: x\n      | ^^^^^" });
});

test("an excerpt holds no control characters", () => {
  const { problems } = compile('manifest: 1\nname: "\u202e\u200b"\nti\ttle: "x"\n', { file: "f.yaml" });
  expect(problems.map(({ excerpt }) => excerpt).join("")).not.toMatch(/[\u202e\u200b\t]/);
});
