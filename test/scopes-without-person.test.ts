import { Browser } from "./harness/browser.ts";
import { cleanup } from "./harness/cleanup.ts";
import { begin, draft, look, step } from "./harness/connect.ts";
import { type Product, startProduct } from "./harness/product.ts";
import { backTo, type OddProvider, startOddProvider } from "./provider/odd.ts";

// Optional scopes are asked for once an action has been found to need them, also by grants that need no person.

jest.setTimeout(60_000);

let odd: OddProvider;
let product: Product;

const scopes = "scopes: { required: [{ name: read, reason: Read. }], optional: [{ name: write, reason: Write. }] }";

const manifest = (url: string) => `manifest: 1
name: scoped
title: Scoped
base_url: ${url}/api
auth:
  service:
    type: oauth2
    grant: client_credentials
    fields: [{ name: team, label: Team }]
    ${scopes}
    token: { url: ${url}/token }
    revocation: { url: ${url}/revoke }
    test: { request: { path: /me } }
    label: Service
    unique_id: me.id
  login:
    type: oauth2
    grant: password
    acknowledge_risk: password_grant
    ${scopes}
    token: { url: ${url}/token }
    refresh: { strategy: reissue }
    revocation: { url: ${url}/revoke }
    test: { request: { path: /me } }
    label: Person
    unique_id: me.id
  code:
    type: oauth2
    grant: authorization_code
    ${scopes}
    authorization: { url: ${url}/authorize }
    token: { url: ${url}/token }
    revocation: { url: ${url}/revoke }
    test: { request: { path: /me } }
    label: Person
    unique_id: me.id
actions:
  write: { title: Write, scopes: [write], request: { method: POST, path: /items, body: { a: 1 } } }
`;

beforeAll(async () => {
  odd = await startOddProvider({
    "/authorize": ({ query }) => {
      consented = query.get("scope");
      return backTo(query.get("redirect_uri"), { code: "canary-code", state: query.get("state") });
    },
    "/token": ({ form }) =>
      form.get("scope")?.split(" ").includes(refused) === true
        ? { status: 400, body: { error: "invalid_scope" } }
        : { body: { access_token: "canary-token", expires_in: 3600 } },
    "/api/me": () => ({ body: { id: 1 } }),
    "/api/items": () => ({ body: { written: true } }),
  });
  const env = { ALLOW_PASSWORD_GRANT: "true" };
  product = await startProduct({ connectors: { scoped: manifest(odd.url) }, env });
  for (const auth of ["service", "login", "code"]) {
    const app = { client_id: "id", client_secret: "canary-secret" };
    expect((await product.put(`/v1/connectors/scoped/apps/${auth}/production`, app)).status).toBe(200);
  }
});

afterAll(cleanup);

let refused = "";
let consented: string | null = null;

beforeEach(() => {
  refused = "";
  odd.seen.length = 0;
});

const asked = () => odd.at("/token").map(({ form }) => form.get("scope"));

test.each([
  ["client_credentials", "service", {}],
  ["password", "login", { username: "ada", password: "canary-password" }],
])("%s asks for an optional scope when it is refreshed after an action needed it, and from then on", async (_, auth, fields) => {
  const { id, scopes } = await draft(product, "scoped", { auth, fields });
  expect([asked(), scopes]).toEqual([["read"], ["read"]]);
  expect((await step(product, id, "write")).json.code).toBe("scope_missing");
  expect(odd.at("/api/items")).toEqual([]);
  expect((await product.post(`/v1/connections/${id}/refresh`)).status).toBe(200);
  expect(asked()).toEqual(["read", "read write"]);
  expect(await look(product, id)).toMatchObject({ scopes: ["read", "write"], missing_scopes: [] });
  expect((await step(product, id, "write")).json.output).toBeDefined();
  expect(odd.at("/api/items")).toHaveLength(1);
  await product.post(`/v1/connections/${id}/refresh`);
  expect(asked().at(-1)).toBe("read write");
});

test("A scope that the app cannot get does not keep the connection from being refreshed", async () => {
  const { id } = await draft(product, "scoped", { auth: "service", fields: { team: "c" } });
  refused = "write";
  await step(product, id, "write");
  const refreshed = await product.post(`/v1/connections/${id}/refresh`);
  expect(refreshed).toMatchObject({ status: 200, json: { status: "connected", scopes: ["read"], missing_scopes: ["write"] } });
  expect(asked()).toEqual(["read", "read write", "read"]);
});

test("Reconnecting asks for what the connection has, optional scopes included", async () => {
  const { id } = await draft(product, "scoped", { auth: "service", fields: { team: "a" } });
  await step(product, id, "write");
  const changed = await product.send("PATCH", `/v1/connections/${id}`, { fields: { team: "b" } });
  expect(changed.json).toMatchObject({ scopes: ["read", "write"], missing_scopes: [] });
  expect(asked().at(-1)).toBe("read write");
});

test("A sign-in asks for the optional scopes of actions that were tried, and of no others", async () => {
  const { id } = await draft(product, "scoped", { auth: "code" });
  await new Browser().open(await begin(product, id));
  expect(consented).toBe("read");
  expect(await look(product, id)).toMatchObject({ status: "connected", scopes: ["read"] });
  expect((await step(product, id, "write")).json).toMatchObject({ code: "scope_missing", status: 409 });
  expect(odd.at("/api/items")).toEqual([]);
  await new Browser().open(await begin(product, id));
  expect(consented).toBe("read write");
  expect((await step(product, id, "write")).status).toBe(200);
  expect(odd.at("/api/items")).toHaveLength(1);
});
