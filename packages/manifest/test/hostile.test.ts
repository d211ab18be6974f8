import { compile } from "../src/compile.ts";
import { compileRe2 } from "../src/pattern.ts";
import { writtenOut } from "../src/pattern-size.ts";
import { processorTime } from "./fuzz/processor-time.mjs";

const largest = 250 * 1024;

/** A manifest as large as it may be, full of what `row` gives. */
function filled(head: string, row: (number: number) => string): string {
  const rows: string[] = [];
  let length = Buffer.byteLength(head);
  for (let number = 0; length < largest; number++) {
    rows.push(row(number));
    length += Buffer.byteLength(rows.at(-1) ?? "");
  }
  return head + rows.slice(0, -1).join("");
}

const many = <T>(count: number, make: (number: number) => T) => Array.from({ length: count }, (_, number) => make(number));

const top = (rest: string, base = "https://api.acme.example") =>
  `manifest: 1\nname: acme\ntitle: Acme\nbase_url: "${base}"\n${rest}`;
const actions = top("auth: { none: { type: none } }\nactions:\n");
const action = (number: number, rest: string) => `  a${number}: { title: A, request: { path: /a }, ${rest} }\n`;
const patterns = (pattern: (name: string) => string) => (number: number) =>
  action(
    number,
    `input: { ${many(40, (key) => `i${key}: { pattern: ${JSON.stringify(pattern(`${number}x${key}`))} }`).join(", ")} }`,
  );
const output = (expression: (number: number) => string) => (number: number) => action(number, `output: "${expression(number)}"`);

const environments = `environments: { ${many(20, (e) => `e${e}: { ${many(50, (v) => `v${v}: x${e}`).join(", ")} }`).join(", ")} }`;
const whitelists = many(10, (auth) => {
  const entries = many(20, (entry) => `"https://{{ env.v${entry} }}.b${auth}x${entry}.example/a/b"`);
  return `a${auth}: { type: api_key, label: x, unique_id: me.id, test: { request: { path: /me } }, whitelist: [${entries.join(", ")}] }`;
});

const giants: Readonly<Record<string, string>> = {
  "long programs": filled(
    actions,
    patterns((name) => `(abcdefghijklmnopqrst${name}){800}`),
  ),
  "programs that RE2 refuses": filled(
    actions,
    patterns((name) => `([a-z]{1,1000}){1,9}${name}`),
  ),
  alternatives: filled(
    actions,
    patterns((name) => `${`${name}|`.repeat(60)}x`),
  ),
  "classes without case": filled(
    actions,
    patterns((name) => `(?i)${"[a-\uffff]".repeat(40)}${name}`),
  ),
  "named classes": filled(
    actions,
    patterns((name) => `(?i)${"\\p{L}\\P{N}".repeat(45)}${name}`),
  ),
  "regular expressions in expressions": filled(
    actions,
    output((number) => `$match(body.a${number}, /(abcdefghijklmnopqrst){900}/)`),
  ),
  "long expressions": filled(
    actions,
    output((number) => `${`body.a${number} + `.repeat(350)}1`),
  ),
  "deep expressions": filled(
    actions,
    output((number) => `${"(".repeat(48)}body.a${number}${")".repeat(48)}`),
  ),
  conditions: filled(
    actions,
    output((number) => `${`body.a${number} ? `.repeat(180)}1${" : 2".repeat(180)}`),
  ),
  "many expressions": filled(
    actions,
    output((number) => `[body.x${number}[a = 1].{ 'id': id }]`),
  ),
  "names that are nearly right": filled(actions, (number) =>
    action(
      number,
      `input: { ${many(40, (key) => `i_${key}: {}`).join(", ")} }, output: "[${many(40, (key) => `input.j_${key}`).join(", ")}]"`,
    ),
  ),
  "keys that are nearly right": filled(
    actions,
    (number) => `  a${number}: { titel: A, reqest: { pth: /a }, inputt: {}, outputt: x }\n`,
  ),
  "URLs in many environments": filled(
    top(`auth: { ${whitelists.join(", ")} }\n${environments}\nactions:\n`, "https://{{ env.v1 }}.acme.example"),
    (number) => `  a${number}: { title: A, request: { path: "/a/${number}/{{ env.v1 }}" } }\n`,
  ),
  "one key again and again": filled(actions, () => "title: x\n"),
  "quotation marks": filled(actions, () => '"\n'),
  holes: filled(actions, (number) => `  a${number}: { title: A, request: { path: "/a${"/{{ input.a }}".repeat(280)}" } }\n`),
};

const ordinary = filled(
  actions,
  (number) =>
    `  a${number}: { title: A, request: { path: "/a/{{ input.id }}" }, input: { id: { required: true } }, output: body.a }\n`,
);

/** How long an ordinary manifest of this size takes here and now. */
let usual = 0;

beforeAll(() => {
  // The code of the validator is generated once.
  compile("a: 1", { file: "connector.yaml" });
  usual = processorTime(() => compile(ordinary, { file: "connector.yaml" })).milliseconds;
});

test.each(Object.keys(giants))("a manifest of 250 KB full of %s costs no more than ten ordinary ones of its size", (name) => {
  const text = giants[name] ?? "";
  expect(Buffer.byteLength(text)).toBeGreaterThan(0.9 * largest);
  const { result, milliseconds } = processorTime(() => compile(text, { file: "connector.yaml" }));
  expect(result.problems.length).toBeLessThanOrEqual(200);
  expect(milliseconds / usual).toBeLessThan(10);
});

test("lines behind a bracket that is not closed are a problem, however many", () => {
  const { connector, problems } = compile(`{\n  "title":\n${"a: 1\n".repeat(29_000)}}\n`, { file: "connector.yaml" });
  expect([connector, problems[0]?.code]).toEqual([undefined, "yaml_syntax"]);
});

test.each([
  "^[a-z]{1,63}$",
  "(ab){10}",
  "((a{10}b){5}|c){3}",
  "[]a]{30}",
  "[^]]{40}",
  "\\p{L}{500}",
  "\\.{30}\\{{4}",
  "(abcdefghijklmnopqrst){900}",
  "(?:a|b){70}x",
  "(?<n>ab){9}",
  "(((a?){10}){10}){10}",
])("the size of the program of %s is told from its text", (pattern) => {
  const size = compileRe2(pattern, 0).programSize();
  expect(writtenOut(pattern)).toBeGreaterThan(size / 3);
  expect(writtenOut(pattern)).toBeLessThan(size * 5 + 50);
});

test("patterns of any usual size are taken, and one that repeats too much is shown where it stands", () => {
  const fields = (...list: string[]) =>
    top(
      `auth:\n  key:\n    type: api_key\n    label: "{{ fields.f0 }}{{ fields.f1 }}"\n    unique_id: me.id\n    test: { request: { path: /me } }\n    fields:\n` +
        list.map((pattern, index) => `      - { name: f${index}, label: Name, pattern: '${pattern}' }\n`).join(""),
    );
  const usual = compile(fields("^[\\p{L} ]{1,1000}$", "^(?i)[a-zäöü0-9-]{1,63}$"), { file: "connector.yaml" });
  expect(usual.problems.filter(({ severity }) => severity === "error")).toEqual([]);
  const { problems } = compile(fields("^a$", "(abcdefghijklmnopqrst){1000}{20}"), { file: "connector.yaml" });
  expect(problems.filter(({ severity }) => severity === "error")).toMatchObject([
    { code: "bad_regular_expression", path: "auth.key.fields[1].pattern" },
  ]);
});
