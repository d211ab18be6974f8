import { parseTokenAnswer } from "../src/grant/token-answer.ts";
import { tokenFailure } from "../src/grant/token-failure.ts";

const parse = (text: string): unknown => parseTokenAnswer({ body: Buffer.from(text) });

test.each([
  ["JSON", '{"access_token":"a","expires_in":3600}', { access_token: "a", expires_in: 3600 }],
  ["JSON behind a byte order mark", '\uFEFF{"access_token":"a"}', { access_token: "a" }],
  ["JSON in white space", ' \n{"access_token":"a"}\n', { access_token: "a" }],
  ["a form", "access_token=a%20b&scope=x%2Cy&token_type=bearer", { access_token: "a b", scope: "x,y", token_type: "bearer" }],
  ["a form with a doubled name, the first of which counts", "access_token=a&access_token=b", { access_token: "a" }],
  [
    "XML, every value a text",
    '<?xml version="1.0"?><r id="7"><token>a&amp;b</token><n>1</n><n>2</n></r>',
    { r: { "@id": "7", token: "a&b", n: ["1", "2"] } },
  ],
  ["JSON in a call", 'callback( {"access_token":"a"} );', { access_token: "a" }],
  ["a JSON text", '"a-token"', "a-token"],
  ["plain words", "a-token", "a-token"],
])("A token answer is read as %s", (_, text, expected) => {
  expect(parse(text)).toEqual(expected);
});

test.each([
  ["nothing", ""],
  ["an HTML page", "<html><body>Bad Gateway</body></html>"],
  ["truncated JSON", '{"access_token":"a'],
  ["XML with a document type", '<!DOCTYPE r [<!ENTITY a "b">]><r>&a;</r>'],
  ["JSON nested beyond reason", `${'{"a":'.repeat(200)}1${"}".repeat(200)}`],
])("A token answer that is %s is no data", (_, text) => {
  expect(parse(text)).toBeUndefined();
});

test("Keys of an answer never reach a prototype", () => {
  const body = parse('{"__proto__":{"access_token":"x"},"constructor":{"name":"y"},"a":{"b":1}}') as Record<string, unknown>;
  expect(Object.getPrototypeOf(body)).toBeNull();
  expect(body.access_token).toBeUndefined();
  expect(Object.keys(body)).toEqual(["constructor", "a"]);
  expect(Object.getPrototypeOf(body.a)).toBeNull();
});

test.each([
  [{ status: 400, error: "invalid_grant" }, "reauthorize", "grant_refused"],
  [{ status: 401, error: "invalid_client" }, "configuration", "client_refused"],
  [{ status: 400, error: "unauthorized_client" }, "configuration", "client_refused"],
  [{ status: 400, error: "invalid_scope" }, "configuration", "scope_refused"],
  [{ status: 400, error: "unsupported_grant_type" }, "configuration", "token_request_refused"],
  [{ status: 400, error: "invalid_request" }, "configuration", "token_request_refused"],
  [{ status: 400, error: "something_of_its_own" }, "configuration", "grant_refused"],
  [{ status: 200, error: "bad_verification_code" }, "configuration", "grant_refused"],
  [{ status: 400, error: "temporarily_unavailable" }, "retry", "provider_unavailable"],
  [{ status: 503 }, "retry", "provider_unavailable"],
  [{ status: 429 }, "retry", "provider_rate_limited"],
  [{ status: 400 }, "ambiguous", "token_answer_invalid"],
  [{ status: 401 }, "ambiguous", "token_answer_invalid"],
  [{ status: 403 }, "ambiguous", "token_answer_invalid"],
  [{ status: 302 }, "retry", "token_answer_invalid"],
  [{ status: 200 }, "retry", "token_answer_invalid"],
  [{ status: 400, error: "constructor" }, "configuration", "grant_refused"],
])("The refusal %j means %s", (words, kind, code) => {
  expect(tokenFailure(words, undefined)).toMatchObject({ kind, code });
});

test.each([
  [{ error: "access_denied", error_description: "No audience parameter was provided" }, "an audience"],
  [{ error: "invalid_request", error_description: "The scope must be given" }, "a scope"],
])("A refusal %j hints at %s", (words, part) => {
  expect(tokenFailure({ status: 403, ...words }, undefined).hint).toBe(
    `This provider seems to require ${part}; ask the connector's author.`,
  );
});

test("A refusal of the person keeps its own hint", () => {
  expect(tokenFailure({ status: 400, error: "invalid_grant", error_description: "scope gone" }, undefined).hint).toBe(
    "Press Connect again.",
  );
});

test("XML that is nested without an end is no answer", () => {
  for (const levels of [40, 100_000]) {
    const text = `${"<a>".repeat(levels)}1${"</a>".repeat(levels)}`;
    expect(parseTokenAnswer({ body: Buffer.from(text) })).not.toEqual(expect.any(Object));
  }
});
