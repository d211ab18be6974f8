import { compile } from "../src/compile.ts";
import type { Auth, Connector, OAuth2 } from "../src/connector.ts";
import { inputSchema } from "../src/input-schema.ts";

const head = "manifest: 1\nname: acme\ntitle: Acme\nbase_url: https://api.acme.example/v1\n";
const identity = "    test: { request: { path: /me } }\n    label: '{{ me.name }}'\n    unique_id: me.id\n";

function connectorOf(text: string): Connector {
  const { connector, problems } = compile(text, { file: "connector.yaml" });
  expect(problems.filter(({ severity }) => severity === "error")).toEqual([]);
  if (!connector) throw new Error("no connector");
  return connector;
}

const authOf = (type: string, more = ""): Auth =>
  connectorOf(`${head}auth:\n  main:\n    type: ${type}\n${more}${identity}`).auth.main as Auth;

const endpoints =
  "    grant: authorization_code\n    authorization: { url: https://acme.example/a }\n    token: { url: https://acme.example/t }\n";

test("the shortest manifest has every default", () => {
  const connector = connectorOf(`${head}auth:\n  none:\n    type: none\n`);
  expect(connector).toMatchObject({
    version: "1.0.0",
    description: "",
    categories: [],
    icon: "icon.svg",
    docs_url: undefined,
    environments: { production: {} },
    errors: [],
    actions: {},
  });
  expect(connector.hash).toMatch(/^[0-9a-f]{64}$/);
  expect(connector.auth.none).toMatchObject({ id: "none", fields: [], apply: [], test: undefined, label: undefined });
  expect(connector.auth.none?.whitelist).toEqual([connector.base_url]);
});

test("an OAuth block has every default", () => {
  const auth = authOf("oauth2", endpoints) as OAuth2;
  expect(auth).toMatchObject({
    id: "main",
    title: "OAuth",
    fields: [],
    client: { source: "app", authentication: "client_secret_post" },
    scopes: { separator: " ", param: "scope", required: [], optional: [] },
    authorization: { pkce: "S256" },
    callback: { issuer: "if_present" },
    token: { encoding: "form" },
    refresh: { strategy: "refresh_token", leeway: undefined, default_lifetime: undefined, required: false, rotation: "maybe" },
    apply: [{ in: "header", name: "Authorization", value: { source: "Bearer {{ token.access_token }}" } }],
    test: { timeout: 5000, request: { method: "GET", encoding: "json", body: undefined } },
    label: { mask: "none", fallback: undefined },
    unique_id: { on_conflict: "reuse", value: { source: "me.id" } },
  });
  expect(auth.refresh.url).toBe(auth.token.url);
  expect(auth.token.response.access_token.path).toEqual(["access_token"]);
  expect(auth.default_params).toEqual({ query: {}, headers: {}, body: {} });
});

test("durations are milliseconds", () => {
  const auth = authOf("oauth2", `${endpoints}    refresh: { leeway: 5m, default_lifetime: 2h }\n`) as OAuth2;
  expect(auth.refresh).toMatchObject({ leeway: 300_000, default_lifetime: 7_200_000 });
  const never = authOf("oauth2", `${endpoints}    refresh: { default_lifetime: never }\n`) as OAuth2;
  expect(never.refresh.default_lifetime).toBe("never");
});

test.each([
  ["api_key", ["api_key"], { fields: { api_key: "k" } }, "Bearer k"],
  ["bearer", ["token"], { fields: { token: "t" } }, "Bearer t"],
  ["basic", ["username", "password"], { fields: { username: "ü", password: "p" } }, "Basic w7w6cA=="],
])("%s asks for its own fields and says where they go", (type, fields, names, value) => {
  const auth = authOf(type);
  expect(auth.fields.map(({ name }) => name)).toEqual(fields);
  expect(auth.fields.at(-1)).toMatchObject({ secret: true, required: true, type: "string" });
  expect(auth.apply[0]?.value.render(names)).toBe(value);
});

test("the only secret field is the credential", () => {
  const auth = authOf("api_key", "    fields: [{ name: access_code, secret: true, help: x }]\n");
  expect(auth.fields.map(({ name }) => name)).toEqual(["access_code"]);
  expect(auth.apply[0]?.value.render({ fields: { access_code: "x" } })).toBe("Bearer x");
});

test("fields beside the credential stand behind it", () => {
  const auth = authOf("api_key", "    fields: [{ name: site_url, visible_if: fields.plan = 'x' }, { name: plan }]\n");
  expect(auth.fields.map(({ name, label }) => [name, label])).toEqual([
    ["api_key", "API key"],
    ["site_url", "Site URL"],
    ["plan", "Plan"],
  ]);
  expect(auth.fields[1]?.visible_if?.source).toBe("fields.plan = 'x'");
});

test.each([
  ["connection", "client_secret_post", ["client_id", "client_secret"], true],
  ["either", "client_secret_basic", ["client_id", "client_secret"], false],
  ["connection", "none", ["client_id"], true],
])("a client of the %s with %s adds fields", (source, authentication, names, required) => {
  const auth = authOf("oauth2", `${endpoints}    client: { source: ${source}, authentication: ${authentication} }\n`);
  expect(auth.fields.map(({ name }) => name)).toEqual(names);
  expect(auth.fields.every((field) => field.required === required)).toBe(true);
});

test("actions have every default, and body texts are templates", async () => {
  const action = connectorOf(`${head}auth:\n  main:\n    type: none\nactions:
  add:
    title: Add
    input: { text: { label: Text }, tags: { label: Tags, list: true } }
    request: { method: POST, path: /notes, body: { text: "{{ input.text }}", tags: ["{{ input.tags }}", 1, null, true] } }
`).actions.add;
  expect(action).toMatchObject({ id: "add", scopes: [], output: undefined, timeout: undefined });
  expect(action?.input.tags).toMatchObject({ label: "Tags", type: "string", required: false, list: true });
  const body = action?.request.body as { text: { render(names: object): unknown }; tags: unknown[] };
  expect(body.text.render({ input: { text: "hi" } })).toBe("hi");
  expect(body.tags.slice(1)).toEqual([1, null, true]);
});

test("a connector is frozen, and its maps hold nothing that the author did not write", () => {
  const connector = connectorOf(`${head}auth:\n  main:\n    type: none\n`);
  expect(Object.isFrozen(connector.auth)).toBe(true);
  expect(Object.isFrozen(connector.auth.main)).toBe(true);
  expect(Object.isFrozen(connector.base_url.parts)).toBe(true);
  expect(connector.actions.constructor).toBeUndefined();
  expect(connector.environments.toString).toBeUndefined();
});

test("what was meant to be one mistake is one problem", () => {
  const { problems } = compile(`${head}auth:\n  main:\n    type: api_key\n${identity.replace("label", "labl")}`, {
    file: "f.yaml",
  });
  expect(problems.map(({ code, path, line, column, length }) => ({ code, path, line, column, length }))).toEqual([
    { code: "unknown_key", path: "auth.main.labl", line: 9, column: 5, length: 4 },
  ]);
});

test("very many problems are cut short", () => {
  const keys = Array.from({ length: 5000 }, (_, index) => `k${index}: 1`).join("\n");
  const { problems } = compile(`${head}${keys}\n`, { file: "f.yaml" });
  expect(problems.length).toBeLessThanOrEqual(101);
  expect(problems.map(({ code }) => code)).toContain("too_many_problems");
});

test("plain http is allowed only to hosts that the deployment allows", () => {
  const text = `${head.replace("https://api.acme.example", "http://127.0.0.1:8080")}auth:\n  main:\n    type: api_key\n${identity}`;
  const whitelisted = text.replace("    label", '    whitelist: ["http://127.0.0.1:8080/v1/"]\n    label');
  for (const manifest of [text, whitelisted]) {
    expect(compile(manifest, { file: "f.yaml" }).problems.length).toBeGreaterThan(0);
    expect(compile(manifest, { file: "f.yaml", plainHttp: (host) => host === "127.0.0.1" }).problems).toEqual([]);
  }
  expect(compile(text, { file: "f.yaml", plainHttp: (host) => host === "10.0.0.1" }).connector).toBeUndefined();
});

test.each(["oauth2", "custom"])("a reason why there is no revocation leaves %s without one", (type) => {
  const token = "    token: { request: { method: POST, path: /session } }\n";
  const blocks = type === "oauth2" ? endpoints : token;
  expect(authOf(type, `${blocks}    revocation: { none: There is no endpoint. }\n`)).toMatchObject({ revocation: undefined });
  expect(authOf(type, `${blocks}    revocation: { request: { path: /logout } }\n`)).toMatchObject({
    revocation: { request: {} },
  });
});

test("a group has every default in its parts, and a schema of its own", () => {
  const action = connectorOf(`${head}auth:\n  main:\n    type: none\nactions:
  add:
    title: Add
    input: { address: { type: object, list: true, fields: { street: { required: true }, floor: { type: number, min: 0 } } }, any: { type: object } }
    request: { method: POST, path: /add, body: { address: "{{ input.address }}", any: "{{ input.any }}" } }
`).actions.add;
  expect(action?.input.address?.fields).toEqual({
    street: { label: "Street", type: "string", required: true, list: false },
    floor: { label: "Floor", type: "number", required: false, list: false, min: 0 },
  });
  expect(inputSchema(action?.input ?? {}).properties).toMatchObject({
    address: {
      type: "array",
      items: {
        type: "object",
        properties: { street: { type: "string" }, floor: { type: "number", minimum: 0 } },
        required: ["street"],
        additionalProperties: false,
      },
    },
    any: { type: "object" },
  });
});
