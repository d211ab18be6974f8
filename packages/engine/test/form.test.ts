import { compileExpression, type Input } from "@jackfield/manifest";
import { checkForm, refuseWhitespace } from "../src/connection/form.ts";

const input = (change: Partial<Input>): Input =>
  ({ label: "Label", type: "string", required: false, list: false, ...change }) as Input;
const check = (question: Partial<Input>, value: unknown): Promise<Record<string, unknown>> =>
  checkForm("input", [["x", input(question)]], { x: value });

test.each<[Partial<Input>, unknown, unknown]>([
  [{ type: "number" }, "42", 42],
  [{ type: "number" }, " -1.5e3 ", -1500],
  [{ type: "boolean" }, "true", true],
  [{ type: "boolean" }, "false", false],
  [{ type: "boolean" }, false, false],
  [{ type: "string" }, 7, "7"],
  [{ type: "date" }, "2026-01-31", "2026-01-31"],
  [{ type: "date" }, "2026-01-31T10:00:00Z", "2026-01-31T10:00:00Z"],
  [{ type: "select", options: [{ label: "One", value: 1 }] }, "1", 1],
  [{ type: "number", list: true }, ["1", 2], [1, 2]],
  [{ type: "string", list: true }, "one", ["one"]],
  [{ type: "string", pattern: "[a-z]+" }, "abc", "abc"],
  [{ type: "number", default: 20 }, "", 20],
  [{ type: "number", default: 20 }, undefined, 20],
])("An input %j takes %j as %j", async (question, value, expected) => {
  expect(await check(question, value)).toEqual({ x: expected });
});

test.each<[Partial<Input>, unknown]>([
  [{ type: "number" }, "4x"],
  [{ type: "number" }, Number.NaN],
  [{ type: "number" }, "0x10"],
  [{ type: "number", min: 1 }, 0],
  [{ type: "number", max: 100 }, 101],
  [{ type: "string", max: 3 }, "abcd"],
  [{ type: "string", pattern: "[a-z]+" }, "abc1"],
  [{ type: "string" }, { a: 1 }],
  [{ type: "boolean" }, "yes"],
  [{ type: "date" }, "31.1.2026"],
  [{ type: "date" }, "2026-13-01"],
  [{ type: "select", options: [{ label: "One", value: "1" }] }, "2"],
  [{ type: "string", list: true }, ["a", ["b"]]],
])("An input %j refuses %j and names itself", async (question, value) => {
  await expect(check(question, value)).rejects.toMatchObject({ code: "input_invalid", members: { input: "x" } });
});

test("A missing required field is named; an empty text counts as missing", async () => {
  const questions = [["region", { ...input({ required: true }) }]] as const;
  await expect(checkForm("fields", questions, {})).rejects.toMatchObject({
    code: "field_required",
    members: { field: "region" },
  });
  await expect(checkForm("fields", questions, { region: "" })).rejects.toMatchObject({ code: "field_required" });
});

test("A field that nobody asked for is refused with the names that there are", async () => {
  const questions = [["region", input({})]] as const;
  await expect(checkForm("fields", questions, { regoin: "eu" })).rejects.toMatchObject({
    code: "field_invalid",
    message: expect.stringContaining("region"),
  });
  await expect(checkForm("fields", questions, ["x"])).rejects.toMatchObject({ code: "field_invalid" });
});

test("The value of a hidden question is dropped, and it is not required", async () => {
  const questions = [
    ["remind", input({ type: "boolean" })],
    ["remind_on", input({ type: "date", required: true, visible_if: compileExpression("input.remind = true") })],
  ] as const;
  expect(await checkForm("input", questions, { remind: false, remind_on: "2026-01-01" })).toEqual({ remind: false });
  await expect(checkForm("input", questions, { remind: true })).rejects.toMatchObject({
    code: "input_invalid",
    members: { input: "remind_on" },
  });
});

test("Names from a prototype are no values", async () => {
  expect(await checkForm("input", [["constructor", input({})]], {})).toEqual({});
});

test("A credential with a space around it is refused", () => {
  expect(() => refuseWhitespace("client_secret", " s")).toThrow(expect.objectContaining({ code: "whitespace_in_credential" }));
  expect(() => refuseWhitespace("client_secret", "s s")).not.toThrow();
});

test("What the form shows around the box may be pasted along", async () => {
  const question = {
    name: "site",
    label: "Site",
    type: "string",
    required: true,
    secret: false,
    list: false,
    prefix: "https://",
    suffix: ".acme.example",
    pattern: "^[a-z]+$",
  } as const;
  const check = async (site: string) => (await checkForm("fields", [["site", question]], { site })).site;
  expect(await check("jane")).toBe("jane");
  expect(await check("https://jane.acme.example")).toBe("jane");
  expect(await check("https://jane.acme.example/")).toBe("jane");
  expect(await check("jane.acme.example")).toBe("jane");
  await expect(check("https://jane.evil.example")).rejects.toMatchObject({ code: "field_invalid" });
});

test.each([
  ["https://api.acme.example", "https://api.acme.example/"],
  [" https://API.acme.example:443/a/../v1?b=1 ", "https://api.acme.example/v1?b=1"],
  ["https://bücher.example/ö", "https://xn--bcher-kva.example/%C3%B6"],
  ["https://0x7f.1", "https://127.0.0.1/"],
])("The URL %j is taken in its one form", async (url, expected) => {
  expect(await check({ type: "url" }, url)).toEqual({ x: expected });
});

test.each([
  "http://api.acme.example/",
  "https://u:p@api.acme.example/",
  "https://@api.acme.example/",
  "https://api.acme.example/#",
  "https://api.acme.example/..%2fadmin",
  "https://api.acme.example\\@evil.example/",
  "https://api.acme .example/",
  "https:api.acme.example",
  "ftp://api.acme.example/",
  "javascript:alert(1)",
  7,
])("The URL %j is refused", async (url) => {
  await expect(check({ type: "url" }, url)).rejects.toMatchObject({ code: "input_invalid", members: { input: "x" } });
});

test("Plain http is taken for hosts that may be spoken to in it", async () => {
  const plain = (host: string) => host === "10.0.0.1";
  const ask = (x: string) => checkForm("input", [["x", input({ type: "url" })]], { x }, plain);
  expect(await ask("http://10.0.0.1/")).toEqual({ x: "http://10.0.0.1/" });
  await expect(ask("http://10.0.0.2/")).rejects.toMatchObject({ code: "input_invalid" });
});

test.each(["/", "/a/b", "/a%2Fb", "/a b/é", "/a..b/.c", "/;a=1"])("The path %j is taken as it is", async (path) => {
  expect(await check({ type: "path" }, path)).toEqual({ x: path });
});

test.each([
  "a",
  "//a",
  "/../a",
  "/a/..",
  "/%2e%2e/a",
  "/a%2f..%2fb",
  "/%252e%252e/",
  "/..;/a",
  "/a?b",
  "/a#b",
  "/\\a",
  "/a\nb",
  "/\0",
])("The path %j is refused", async (path) => {
  await expect(check({ type: "path" }, path)).rejects.toMatchObject({ code: "input_invalid" });
});

const deep = (levels: number): unknown => (levels === 0 ? 1 : { in: [deep(levels - 1)] });

test.each<[string, Partial<Input>, unknown]>([
  ["a name that is no text", { type: "file" }, { data: "aGk=", name: { a: 1 } }],
  ["a type that is none", { type: "file" }, { data: "aGk=", type: "text/plain\r\nX-Evil: 1" }],
  ["a type that is no text", { type: "file" }, { data: "aGk=", type: 7 }],
  ["a name without an end", { type: "file" }, { data: "aGk=", name: "n".repeat(1001) }],
  ["an object that goes too deep", { type: "object" }, deep(40)],
  ["a list with an object that goes too deep", { type: "object", list: true }, [{}, deep(40)]],
])("An input refuses %s", async (_, question, value) => {
  await expect(check(question, value)).rejects.toMatchObject({ code: "input_invalid", members: { input: "x" } });
});

test("An object as deep as real ones and a file of megabytes are taken, the file without what nobody asked for", async () => {
  const data = Buffer.alloc(9_000_000).toString("base64");
  expect(await check({ type: "object" }, deep(10))).toEqual({ x: deep(10) });
  const { x } = await check({ type: "file" }, { data, name: "a.txt", type: "text/plain; charset=utf-8", extra: 1 });
  expect(Object.keys(x as object)).toEqual(["data", "name", "type"]);
});

describe("A group", () => {
  const part = (name: string, rest: object = {}) => [name, { ...plain(name), ...rest }] as const;
  const plain = (label: string) => ({ label, type: "string", required: false, list: false });
  const fields = Object.fromEntries([
    part("street", { required: true }),
    part("floor", { type: "number", min: 0 }),
    part("kind", { type: "select", options: [{ label: "Home", value: 1 }], default: 1 }),
    part("tags", { list: true }),
  ]);
  const asked = (rest: object = {}) => [
    ["address", { ...plain("Address"), type: "object", fields, ...rest }] as unknown as Asked,
  ];
  type Asked = Parameters<typeof checkForm>[1][number];
  const check = (address: unknown, rest: object = {}) => checkForm("input", asked(rest), { address });

  test("has its parts brought to their types, and its defaults", async () => {
    expect(await check({ street: "A", floor: "2", tags: "x" })).toEqual({
      address: { street: "A", floor: 2, kind: 1, tags: ["x"] },
    });
    expect(await check({ street: "A", floor: null, tags: [] })).toEqual({ address: { street: "A", kind: 1 } });
    expect(await checkForm("input", asked(), {})).toEqual({});
  });

  test("is refused by the name of the part that is wrong, in a list with its place", async () => {
    const refusal = (given: unknown, rest?: object) =>
      check(given, rest).then(
        () => undefined,
        (error: { code: string; members: object }) => ({ code: error.code, ...error.members }),
      );
    const named = (input: string) => ({ code: "input_invalid", input });
    expect(await refusal({ floor: 1 })).toEqual(named("address.street"));
    expect(await refusal({ street: "A", floor: -1 })).toEqual(named("address.floor"));
    expect(await refusal({ street: "A", stret: "B" })).toEqual(named("address.stret"));
    expect(await refusal({ street: "A", tags: ["x", {}] })).toEqual(named("address.tags"));
    expect(await refusal("A")).toEqual(named("address"));
    expect(await refusal([{ street: "A" }, { street: "B", kind: 2 }], { list: true })).toEqual(named("address.1.kind"));
    expect(await refusal(JSON.parse('{ "street": "A", "__proto__": 1 }'))).toEqual(named("address.__proto__"));
  });
});
