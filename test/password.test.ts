import { cleanup } from "./harness/cleanup.ts";
import { draft, events, look, step } from "./harness/connect.ts";
import { keptBy } from "./harness/inside.ts";
import { type Product, startProduct } from "./harness/product.ts";
import { until } from "./harness/wait.ts";
import { type LegacyServer, startLegacyServer } from "./provider/node-oauth.ts";

// The grant `password` against the package @node-oauth/oauth2-server, which knows nothing else and takes HTTP Basic as it stands.

jest.setTimeout(60_000);

const client = { id: "legacy/+% &=?client", secret: "s3cr3t:/+% &=?#'canary-legacy-secret" } as const;
const person = { username: "jané +%&:/ doe", password: "pässwörd:/+% &=?canary-of-the-person" } as const;
const other = { username: "other", password: "canary-of-another-person" } as const;

let server: LegacyServer;
let product: Product;

const auth = (url: string, more: string) => `    type: oauth2
    grant: password
    acknowledge_risk: password_grant
    client: { source: either, authentication: client_secret_basic_raw }
    token: { url: ${url}/token }
    revocation: { url: ${url}/revoke }
${more}    test: { request: { path: /api/me } }
    label: "{{ me.name }}"
    unique_id: me.id
`;

const manifest = (url: string, name: string, more = "") => `manifest: 1
name: ${name}
title: Legacy
base_url: ${url}
auth:
  legacy:
${auth(url, more)}actions:
  me: { title: Who am I, request: { path: /api/me } }
`;

/** The password comes first and is still not what is recommended. */
const bothManifest = (url: string) => `${manifest(url, "both").split("actions:")[0]}  key:
    type: bearer
    test: { request: { path: /api/me } }
    label: "{{ me.name }}"
    unique_id: me.id
actions:
  me: { title: Who am I, request: { path: /api/me } }
`;

const connectors = (url: string) => ({
  stored: manifest(url, "stored"),
  erased: manifest(url, "erased", "    store_password: false\n"),
  both: bothManifest(url),
});

beforeAll(async () => {
  server = await startLegacyServer({
    client,
    people: { [person.username]: person.password, [other.username]: other.password },
  });
  product = await startProduct({ connectors: connectors(server.url) });
  for (const name of ["stored", "erased"]) {
    await product.put(`/v1/connectors/${name}/apps/legacy/production`, { client_id: client.id, client_secret: client.secret });
  }
});

afterAll(cleanup);

beforeEach(() => {
  server.accessTokenLifetime = 3600;
  server.refreshes = true;
  server.changePassword(person.username, person.password);
  server.requests.length = 0;
});

/** Waits until a token has ended. Of one second that is left the server tells none where a moment of it has passed. */
const over = (expires_at: string | null) => {
  const end = expires_at === null ? Date.now() + 1000 : Date.parse(expires_at);
  return until("the token to end", () => Date.now() > end);
};

const ended = async (id: string) => over((await look(product, id)).expires_at);

describe("a person's password", () => {
  test("is spent for a token, with the client in a raw Basic header, byte for byte", async () => {
    const connection = await draft(product, "stored", { fields: person, owner: "bytes" });
    expect(connection).toMatchObject({ status: "connected", label: person.username, renewable: true });
    const [request] = server.requests;
    expect(request?.headers.authorization).toBe(`Basic ${Buffer.from(`${client.id}:${client.secret}`).toString("base64")}`);
    expect(Object.fromEntries(request?.form ?? [])).toEqual({ grant_type: "password", ...person });
    expect((await step(product, connection.id, "me")).json.output).toMatchObject({ name: person.username });
  });

  test("that is wrong ends in `error` with the provider's own words, and can be corrected", async () => {
    const wrong = await draft(product, "stored", { fields: { ...person, password: "wrong" }, owner: "wrong" });
    expect(wrong).toMatchObject({
      status: "error",
      error: {
        code: "grant_refused",
        message: "The provider answered: Invalid grant: user credentials are invalid",
        provider: { status: 400, error: "invalid_grant", error_description: "Invalid grant: user credentials are invalid" },
      },
    });
    const mended = await product.send("PATCH", `/v1/connections/${wrong.id}`, { fields: { password: person.password } });
    expect(mended.json).toMatchObject({ status: "connected", error: null });
  });

  test("stays sealed, and logs in once more when the refresh token is refused", async () => {
    server.accessTokenLifetime = 1;
    const { id } = await draft(product, "stored", { fields: person, owner: "again" });
    await ended(id);
    server.accessTokenLifetime = 3600;
    server.forgetRefreshTokens();
    server.requests.length = 0;
    expect((await step(product, id, "me")).status).toBe(200);
    expect(server.requests.map(({ form, status }) => [form.get("grant_type"), status])).toEqual([
      ["refresh_token", 400],
      ["password", 200],
    ]);
    expect(await look(product, id)).toMatchObject({ status: "connected", error: null });
  });

  test("logs in again where the server gives no refresh tokens at all", async () => {
    server.refreshes = false;
    server.accessTokenLifetime = 1;
    const { id, renewable } = await draft(product, "stored", { fields: person, owner: "no-refresh-token" });
    expect(renewable).toBe(true);
    await ended(id);
    server.accessTokenLifetime = 3600;
    expect((await step(product, id, "me")).status).toBe(200);
    expect(server.requests.map(({ form }) => form.get("grant_type"))).toEqual(["password", "password"]);
  });

  test("that was changed at the provider asks for its person, with the provider's words", async () => {
    server.accessTokenLifetime = 1;
    const { id } = await draft(product, "stored", { fields: person, owner: "changed" });
    await ended(id);
    server.accessTokenLifetime = 3600;
    server.forgetRefreshTokens();
    server.changePassword(person.username, "another");
    expect((await step(product, id, "me")).json.code).toBe("needs_reauth");
    const found = await look(product, id);
    expect(found).toMatchObject({ status: "needs_reauth", error: { provider: { error: "invalid_grant" } } });
    expect((await events(product, id)).filter(({ type }: { type: string }) => type === "needs_reauth")).toHaveLength(1);
    const mended = await product.send("PATCH", `/v1/connections/${id}`, { fields: { password: "another" } });
    expect(mended.json).toMatchObject({ status: "connected" });
  });

  test("is replaced by refresh tokens as long as they work, each spent once", async () => {
    server.accessTokenLifetime = 1;
    const { id } = await draft(product, "stored", { fields: person, owner: "rotating" });
    for (let round = 0; round < 3; round += 1) {
      await ended(id);
      expect((await step(product, id, "me")).status).toBe(200);
    }
    expect(server.ofGrant("password")).toHaveLength(1);
    const spent = server.ofGrant("refresh_token").map(({ form }) => form.get("refresh_token"));
    expect(new Set(spent).size).toBe(spent.length);
    expect(spent.length).toBeGreaterThanOrEqual(3);
  });
});

/** Every byte of the data folder, in which a sealed text is base64. */

describe("with `store_password: false`", () => {
  test("only refresh tokens keep the connection; when they end, the person is asked, and no password is tried", async () => {
    server.accessTokenLifetime = 1;
    const { id } = await draft(product, "erased", { fields: person, owner: "erased" });
    await ended(id);
    server.accessTokenLifetime = 1;
    expect((await step(product, id, "me")).status).toBe(200);
    expect(server.ofGrant("refresh_token").length).toBeGreaterThanOrEqual(1);
    await ended(id);
    server.forgetRefreshTokens();
    expect((await step(product, id, "me")).json.code).toBe("needs_reauth");
    expect(server.ofGrant("password")).toHaveLength(1);
  });

  test("the password has to be given again with every change, and a new one connects again", async () => {
    const { id } = await draft(product, "erased", { fields: other, owner: "given-again" });
    const without = await product.send("PATCH", `/v1/connections/${id}`, { fields: { username: other.username } });
    expect(without.json).toMatchObject({ code: "field_required", field: "password" });
    const again = await product.send("PATCH", `/v1/connections/${id}`, { fields: { password: other.password } });
    expect(again.json).toMatchObject({ status: "connected" });
  });

  test("a wrong password is not kept either: the next try needs it", async () => {
    const wrong = await draft(product, "erased", { fields: { ...other, password: "wrong" }, owner: "erased-wrong" });
    expect(wrong.status).toBe("error");
    const without = await product.send("PATCH", `/v1/connections/${wrong.id}`, { fields: { username: other.username } });
    expect(without.json).toMatchObject({ code: "field_required", field: "password" });
    const right = await product.send("PATCH", `/v1/connections/${wrong.id}`, { fields: { password: other.password } });
    expect(right.json).toMatchObject({ status: "connected" });
  });

  test("a connection whose server gives no refresh token is not said to renew itself", async () => {
    server.refreshes = false;
    const connection = await draft(product, "erased", { fields: person, owner: "erased-no-refresh-token" });
    expect(connection).toMatchObject({ status: "connected", renewable: false });
  });
});

test("the catalogue says what is asked and whether it is kept, and recommends no password", async () => {
  const of = async (name: string) => (await product.get(`/v1/connectors/${name}`)).json.auth;
  expect(await of("stored")).toMatchObject([
    { id: "legacy", grant: "password", recommended: false, available: true, stores_password: true },
  ]);
  expect(await of("erased")).toMatchObject([{ stores_password: false }]);
  expect(await of("both")).toMatchObject([
    { id: "legacy", recommended: false },
    { id: "key", recommended: true, stores_password: null },
  ]);
  expect((await product.get("/v1/platform")).json).toMatchObject({ password_grant: true });
});

test("a connection that names no way to connect takes the first that needs no password", async () => {
  const [token = ""] = server.issued.slice(-1);
  const connection = await draft(product, "both", { fields: { token }, owner: "unnamed" });
  expect(connection.auth).toBe("key");
});

test("neither passwords nor secrets are found in the store, in the log or in what the API says", async () => {
  const kept = (await keptBy(product)).map(([, content]) => content.toString("latin1"));
  const all = [...kept, product.output, (await product.get("/v1/connections?limit=200")).text];
  for (const secret of [person.password, other.password, client.secret, ...server.issued]) {
    const forms = [
      secret,
      encodeURIComponent(secret),
      Buffer.from(secret).toString("base64"),
      Buffer.from(secret).toString("latin1"),
    ];
    for (const text of all) for (const form of forms) expect(text.includes(form)).toBe(false);
  }
});

describe("where the deployment forbids it", () => {
  let strict: Product;

  beforeAll(async () => {
    strict = await startProduct({ connectors: connectors(server.url), env: { ALLOW_PASSWORD_GRANT: "0" } });
  });

  test("connecting so is refused with 403 before anything is stored or sent", async () => {
    const fields = { ...person, client_id: client.id, client_secret: client.secret };
    const answer = await strict.post("/v1/connections", { connector: "stored", auth: "legacy", fields });
    expect([answer.status, answer.json.code]).toEqual([403, "grant_disabled"]);
    expect(server.requests).toEqual([]);
    expect((await strict.get("/v1/connections")).json.items).toEqual([]);
  });

  test("the platform and the catalogue say so, and other ways to connect work", async () => {
    expect((await strict.get("/v1/platform")).json).toMatchObject({ password_grant: false });
    expect((await strict.get("/v1/connectors/both")).json).toMatchObject({
      configured: true,
      auth: [
        { id: "legacy", available: false },
        { id: "key", available: true },
      ],
    });
    const { items } = (await strict.get("/v1/connectors")).json;
    expect(items.find(({ name }: { name: string }) => name === "stored")).toMatchObject({
      configured: false,
      auth: [{ id: "legacy", available: false }],
    });
  });

  test("connections of before live on their refresh tokens, and no stored password is spent for them", async () => {
    const first = await startProduct({ connectors: connectors(server.url) });
    const fields = { ...person, client_id: client.id, client_secret: client.secret };
    server.accessTokenLifetime = 1;
    const { id } = (await first.post("/v1/connections", { connector: "stored", fields })).json;
    const { expires_at } = (await first.get(`/v1/connections/${id}`)).json;
    await first.end("SIGTERM");
    await over(expires_at);
    const second = await startProduct({
      connectors: connectors(server.url),
      dataDir: first.dataDir,
      env: { ALLOW_PASSWORD_GRANT: "off" },
    });
    second.adminKey = first.adminKey;
    const run = () => second.post(`/v1/connections/${id}/actions/me`);
    expect((await run()).status).toBe(200);
    const { expires_at: next } = (await second.get(`/v1/connections/${id}`)).json;
    await over(next);
    server.forgetRefreshTokens();
    expect((await run()).json.code).toBe("needs_reauth");
    expect(server.ofGrant("password")).toHaveLength(1);
  });
});
