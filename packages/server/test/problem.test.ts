import type { IncomingMessage } from "node:http";
import { errorTable, JackfieldError } from "@jackfield/engine";
import { bodyText, parseJson } from "../src/http/body.ts";
import { problemDocument, toJackfieldError } from "../src/http/problem.ts";

test("every code of the table makes a whole problem document", () => {
  for (const [code, [status, audience, title, hint]] of Object.entries(errorTable)) {
    const document = problemDocument(new JackfieldError(code as keyof typeof errorTable), "id");
    expect(document).toEqual({
      type: `urn:jackfield:error:${code}`,
      title,
      status,
      code,
      detail: title,
      hint,
      audience,
      request_id: "id",
    });
  }
});

test("detail, hint, the provider's words and further members are told", () => {
  const error = new JackfieldError("field_invalid", {
    detail: "Region: too long.",
    hint: "Shorten it.",
    provider: { status: 400, error: "bad" },
    members: { field: "region" },
  });
  expect(problemDocument(error, "id")).toMatchObject({
    detail: "Region: too long.",
    hint: "Shorten it.",
    provider: { status: 400, error: "bad" },
    field: "region",
  });
});

test("a member cannot take the place of what every problem has", () => {
  const error = new JackfieldError("not_found", { members: { status: 200, code: "fine", request_id: "x", type: "y" } });
  expect(problemDocument(error, "id")).toMatchObject({
    status: 404,
    code: "not_found",
    request_id: "id",
    type: "urn:jackfield:error:not_found",
  });
});

test("what nobody expected is `internal`, keeps its cause for the log, and tells nothing of it", () => {
  const cause = new Error("secret-canary at /etc/passwd");
  const error = toJackfieldError(cause);
  expect(error.cause).toBe(cause);
  expect(JSON.stringify(problemDocument(error, "id"))).not.toContain("secret-canary");
  const detailed = new JackfieldError("internal", { detail: "secret-canary" });
  expect(JSON.stringify(problemDocument(detailed, "id"))).not.toContain("secret-canary");
  expect(toJackfieldError("text").code).toBe("internal");
  expect(toJackfieldError(undefined).code).toBe("internal");
});

const request = (headers: Record<string, string> = {}) => ({ headers }) as unknown as IncomingMessage;

function thrownBy(act: () => unknown): JackfieldError {
  try {
    act();
  } catch (error) {
    if (error instanceof JackfieldError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

test.each([
  ['{"a":}', 1, 6],
  ['{\n  "a": 1,\n  b\n}', 3, 3],
  ['{"a": 1', 1, 8],
  ["[1,,2]", 1, 4],
  ['{"a": "x\ny"}', 1, 9],
  ["tru", 1, 4],
])("the mistake in %j is shown in line %i, column %i", (text, line, column) => {
  let error: unknown;
  try {
    parseJson(request(), text);
  } catch (cause) {
    error = cause;
  }
  expect(error).toMatchObject({ code: "request_invalid", members: { line, column } });
});

test.each([
  ['{"input":{"q":"\\ud800"}}', "input.q", "holds"],
  ['{"owner":"a\\uDFFFb"}', "owner", "holds"],
  ['{"list":[{},["ok","\\ude00\\ud83d"]]}', "list.1.1", "holds"],
  ['{"input":{"\\ud800":1}}', "input", "has a key with"],
  ['{"a":{"__proto__":"\\ud800"}}', "a.__proto__", "holds"],
  ['{"\\ud800":1}', undefined, "has a key with"],
  ['"\\ud800"', undefined, "holds"],
])("half of a surrogate pair in %s is refused with its place and the cure", (text, field, words) => {
  const error = thrownBy(() => parseJson(request(), text));
  expect(error).toMatchObject({ code: "request_invalid", hint: expect.stringContaining("U+FFFD") });
  expect(error.message).toBe(
    `${field === undefined ? "The body" : `body: ${field}`} ${words} half of a surrogate pair, which is not well-formed Unicode.`,
  );
  expect(error.members).toEqual(field === undefined ? { in: "body" } : { in: "body", field });
});

test("half of a surrogate pair is found at any depth, and its place is told in a few words that are well-formed", () => {
  const depth = 3000;
  const error = thrownBy(() => parseJson(request(), `${'{"😀":'.repeat(depth)}"\\ud800"${"}".repeat(depth)}`));
  expect(error.message.length).toBeLessThan(400);
  expect(error.message.isWellFormed()).toBe(true);
});

test("whole surrogate pairs, and what only looks like an escape, are taken as they are", () => {
  expect(parseJson(request(), '{"a":"\\ud83d\\ude00","b":"😀","c":"\\\\ud800","\\ud83d\\ude00":1}')).toEqual({
    a: "😀",
    b: "😀",
    c: "\\ud800",
    "😀": 1,
  });
});

test("an empty body is an empty object, and JSON is taken under each of its types", () => {
  expect(parseJson(request(), " \n")).toEqual({});
  for (const type of ["application/json", "application/json; charset=utf-8", "application/problem+json", "Application/JSON"]) {
    expect(parseJson(request({ "content-type": type }), '{"a":1}')).toEqual({ a: 1 });
  }
  for (const type of ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""]) {
    expect(() => parseJson(request({ "content-type": type }), "{}")).toThrow(/not declared as JSON/);
  }
});

test("a body that is compressed or no UTF-8 is refused, not guessed", () => {
  expect(() => bodyText(request({ "content-encoding": "gzip" }), Buffer.from("x"))).toThrow(/compressed/);
  expect(() => bodyText(request(), Buffer.from([0xc3, 0x28]))).toThrow(/UTF-8/);
  expect(bodyText(request({ "content-encoding": "identity" }), Buffer.from("ü"))).toBe("ü");
});
