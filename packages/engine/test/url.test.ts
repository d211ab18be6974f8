import { compileTemplate } from "@jackfield/manifest";
import { joinUrl, renderUrl, renderUrls, withQuery } from "../src/request/url.ts";

const url = (template: string, names: object = {}): Promise<string> =>
  renderUrl(compileTemplate(template), names as Record<string, unknown>);
const path = (template: string, names: object = {}): Promise<string> =>
  renderUrl(compileTemplate(template), names as Record<string, unknown>, "path");
const refused = expect.objectContaining({ code: "url_invalid" });

test.each([
  ["a plain text", "https://api.acme.example/v1", {}, "https://api.acme.example/v1"],
  [
    "a host label",
    "https://{{ fields.shop }}.acme.example/api",
    { fields: { shop: "jane-2" } },
    "https://jane-2.acme.example/api",
  ],
  [
    "a whole host",
    "https://{{ env.host }}/api",
    { env: { host: "api.sandbox.acme.example" } },
    "https://api.sandbox.acme.example/api",
  ],
  ["a host with a port", "https://{{ env.host }}/api", { env: { host: "acme.example:8443" } }, "https://acme.example:8443/api"],
  ["the beginning", "{{ platform.url }}/demo", { platform: { url: "http://localhost:3000/" } }, "http://localhost:3000/demo"],
  [
    "a path segment",
    "https://a.example/{{ fields.tenant }}/token",
    { fields: { tenant: "a b" } },
    "https://a.example/a%20b/token",
  ],
  ["a query value", "https://a.example/x?q={{ fields.q }}", { fields: { q: "a&b=c" } }, "https://a.example/x?q=a%26b%3Dc"],
])("A hole is encoded as %s", async (_, template, names, expected) => {
  expect(await url(template, names)).toBe(expected);
});

test.each([
  ["https://acme.example/token/?tenant=7", "https://acme.example/token/?tenant=7"],
  ["https://acme.example", "https://acme.example/"],
])("A hole that is all of a URL may give %j, with its query", async (value, expected) => {
  expect(await url("{{ fields.url }}", { fields: { url: value } })).toBe(expected);
});

test.each([
  "https://u@acme.example/",
  "https://acme.example/#a",
  "https://acme.example/a/..%2fb",
  "acme.example",
  "https://acme .example",
])("A hole that is all of a URL may not give %j", async (value) => {
  await expect(url("{{ fields.url }}", { fields: { url: value } })).rejects.toEqual(refused);
  await expect(url("{{ fields.url }}/more", { fields: { url: value } })).rejects.toEqual(refused);
});

test("What more is joined to has no query", async () => {
  await expect(url("{{ fields.url }}/more", { fields: { url: "https://a.example/?b=1" } })).rejects.toEqual(refused);
});

test("A hole alone may give several URLs or none", async () => {
  const urls = (value: unknown) => renderUrls(compileTemplate("{{ fields.urls }}"), { fields: { urls: value } });
  expect(await urls(["https://a.example/1", "https://b.example"])).toEqual(["https://a.example/1", "https://b.example/"]);
  expect(await urls(undefined)).toEqual([]);
  expect(await urls("https://a.example/1")).toEqual(["https://a.example/1"]);
  await expect(urls(["https://a.example/1", "https://u@b.example"])).rejects.toEqual(refused);
});

test.each([
  ["/", "/"],
  ["/a/b c", "/a/b%20c"],
  ["/é/%C3%A9", "/%C3%A9/%C3%A9"],
  ["/a%2Fb/100%", "/a%2Fb/100%25"],
  ["/a:b@c/(d)", "/a:b@c/(d)"],
])("A hole that is all of a path may give %j", async (value, expected) => {
  expect(await path("{{ input.path }}", { input: { path: value } })).toBe(expected);
});

test.each(["a", "//a", "/../a", "/%2e%2e/a", "/a%2f..%2fb", "/..;/a", "/a?b", "/a#b", "/\\a", ""])(
  "A hole that is all of a path may not give %j",
  async (value) => {
    await expect(path("{{ input.path }}", { input: { path: value } })).rejects.toEqual(refused);
  },
);

test.each([
  ["a/b", "/files/a%2Fb"],
  ["ü@+", "/files/%C3%BC%40%2B"],
  ["a?b#c", "/files/a%3Fb%23c"],
  ["100%", "/files/100%25"],
  ["x..y", "/files/x..y"],
  ["a%20b", "/files/a%2520b"],
  ["a%2fb", "/files/a%252fb"],
  [42, "/files/42"],
])("The path value %j stays one segment", async (id, expected) => {
  expect(await path("/files/{{ input.id }}", { input: { id } })).toBe(expected);
});

test.each(["..", ".", "../x", "a/../b", "a\\..\\b", "%2e%2e", "a%2f..%2fb", "%252e", "..;/x", "x\0y", "%00", ""])(
  "The path value %j, which would climb out of its segment, is refused",
  async (id) => {
    await expect(path("/files/{{ input.id }}", { input: { id } })).rejects.toEqual(refused);
  },
);

test.each([
  "evil.example/",
  "evil.example#",
  "a@evil.example",
  "a b",
  "-a",
  "a..b",
  "[::1]",
  "evil.example\\",
  "a:b",
  "ü.example",
])("The host value %j, which is no host name, is refused", async (host) => {
  await expect(url("https://{{ fields.host }}.acme.example/", { fields: { host } })).rejects.toEqual(refused);
});

test.each(["ftp://x", "javascript:alert(1)", "//x", "https://user@x", "https://x?y", "x"])(
  "The beginning %j is refused",
  async (start) => {
    await expect(url("{{ env.start }}/api", { env: { start } })).rejects.toEqual(refused);
  },
);

test("Two values side by side cannot make a dot segment together", async () => {
  await expect(path("/a/{{ input.x }}{{ input.y }}/b", { input: { x: ".", y: "." } })).rejects.toEqual(refused);
});

test("A value that is missing from a URL is an error that names it", async () => {
  await expect(path("/files/{{ input.id }}", { input: {} })).rejects.toMatchObject({
    code: "url_invalid",
    message: expect.stringContaining("input.id"),
  });
});

test("base_url and path join without a double slash", () => {
  expect(joinUrl("https://a.example/v1/", "/me")).toBe("https://a.example/v1/me");
  expect(joinUrl("https://a.example/v1", "/me")).toBe("https://a.example/v1/me");
});

test.each([
  ["https://a.example/x", [["q", "a b"]], "https://a.example/x?q=a%20b"],
  ["https://a.example/x?tenant=a", [["q", "1"]], "https://a.example/x?tenant=a&q=1"],
  ["https://a.example/x?q=old&z=1", [["q", "new"]], "https://a.example/x?z=1&q=new"],
  ["https://a.example/x?%71=old", [["q", "new"]], "https://a.example/x?q=new"],
  ["https://a.example/x?a=1", [], "https://a.example/x?a=1"],
])("Parameters are added to %s without doubling one", (base, entries, expected) => {
  expect(withQuery(base, entries as [string, string][])).toBe(expected);
});
