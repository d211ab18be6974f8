import { compile } from "@jackfield/manifest";
import { encodeContent, renderRequest } from "../src/request/render.ts";

const { connector, problems } = compile(
  `manifest: 1
name: acme
title: Acme
base_url: https://api.acme.example/v1/
auth:
  key:
    type: api_key
    test: { request: { path: /me } }
    label: "{{ me.name }}"
    unique_id: me.id
    default_params:
      query: { api_version: "2", lang: en }
      headers: { X-Client: jackfield }
      body: { source: automation }
actions:
  list: { title: List, request: { path: /items } }
  older: { title: List as before, request: { path: /items, query: { api_version: "1" }, headers: { x-client: own } } }
  create: { title: Create, request: { method: POST, path: /items, body: { name: x } } }
  form: { title: Create by form, request: { method: POST, path: /items, encoding: form, body: { name: x, source: own } } }
  plain: { title: Say, request: { method: POST, path: /items, encoding: text, body: "just words" } }
  empty: { title: Touch, request: { method: POST, path: /items } }
  end: { title: End, request: { method: DELETE, path: /items } }
  free:
    title: Anything
    input:
      method: { type: select, options: [{ label: GET, value: GET }, { label: PUT, value: PUT }] }
      query: { type: object }
      headers: { type: object }
      encoding: { type: select, options: [{ label: JSON, value: json }, { label: Form, value: form }] }
      body: { type: object }
    request:
      method: "{{ input.method }}"
      path: /items
      query: "{{ input.query }}"
      headers: "{{ input.headers }}"
      encoding: "{{ input.encoding }}"
      body: "{{ input.body }}"
`,
  { file: "acme" },
);

const render = (action: string, input: object = {}) => {
  const declared = connector?.actions[action];
  const auth = connector?.auth.key;
  if (!connector || !declared || !auth) throw new Error(JSON.stringify(problems));
  return renderRequest(declared.request, { fields: {}, input }, auth);
};

test("Default parameters are in every request, exactly once", async () => {
  const { url, headers } = await render("list");
  expect(url).toBe("https://api.acme.example/v1/items?api_version=2&lang=en");
  expect(headers).toEqual({ accept: "application/json", "x-client": "jackfield" });
});

test("The request's own value wins over a default, whatever the case of a header's name", async () => {
  const { url, headers } = await render("older");
  expect(url).toBe("https://api.acme.example/v1/items?lang=en&api_version=1");
  expect(headers["x-client"]).toBe("own");
});

test.each([
  ["create", '{"source":"automation","name":"x"}', "application/json"],
  ["form", "source=own&name=x", "application/x-www-form-urlencoded"],
  ["plain", "just words", "text/plain; charset=utf-8"],
  ["empty", '{"source":"automation"}', "application/json"],
  ["list", undefined, undefined],
  ["end", undefined, undefined],
])("The body of %s is %j", async (action, body, type) => {
  const { content } = await render(action);
  expect(encodeContent(content, Buffer.alloc)).toEqual(body === undefined ? undefined : { body, type });
});

test("Holes choose the method and the encoding, and give all of the query and the headers, over the defaults", async () => {
  const { method, url, headers, content } = await render("free", {
    method: "PUT",
    query: { lang: "de", tag: ["a", "b"], none: null },
    headers: { "X-Client": "own", "X-Number": 7 },
    encoding: "form",
    body: { a: 1 },
  });
  expect([method, url]).toEqual(["PUT", "https://api.acme.example/v1/items?api_version=2&lang=de&tag=a&tag=b"]);
  expect(headers).toEqual({ accept: "application/json", "x-client": "own", "x-number": "7" });
  expect(encodeContent(content, Buffer.alloc)?.body).toBe("source=automation&a=1");
});

test("Holes without a result leave what the engine does by default", async () => {
  const { method, url, content } = await render("free");
  expect([method, url, content]).toEqual(["GET", "https://api.acme.example/v1/items?api_version=2&lang=en", undefined]);
});

test.each([
  ["a method that is none of those", { method: "TRACE" }],
  ["an encoding that is none of those", { body: {}, encoding: "smoke" }],
  ["a list for the query", { query: ["a"] }],
  ["a text for the headers", { headers: "X-A: 1" }],
])("A hole that gives %s is refused", async (_, input) => {
  await expect(render("free", input)).rejects.toMatchObject({ code: "expression_error" });
});
