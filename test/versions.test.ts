import { rmSync } from "node:fs";
import { join } from "node:path";
import { Browser } from "./harness/browser.ts";
import { cleanup } from "./harness/cleanup.ts";
import { begin, draft, events, look, step } from "./harness/connect.ts";
import { type Product, startProduct, writeConnector } from "./harness/product.ts";
import { backTo, type OddProvider, startOddProvider } from "./provider/odd.ts";

// A connector changes under connections that were made before: they go on with what they were made with until somebody reconnects.

jest.setTimeout(90_000);

interface Side extends OddProvider {
  /** Access tokens that the API no longer takes. */
  readonly dead: Set<string>;
  /** Whose account it is. */
  me: { readonly id: number; readonly name: string };
}

/** A provider whose tokens tell where they come from. */
async function startSide(name: string): Promise<Side> {
  const dead = new Set<string>();
  let count = 0;
  const api = ({ headers }: { headers: { authorization?: string | undefined } }, body: unknown) =>
    dead.has(headers.authorization ?? "") ? { status: 401, body: {} } : { body };
  const own = { dead, me: { id: 1, name: "Ada" } };
  const side = await startOddProvider({
    "/authorize": ({ query }) => backTo(query.get("redirect_uri"), { code: `canary-${name}-code`, state: query.get("state") }),
    "/token": () => {
      count += 1;
      const tokens = { access_token: `canary-${name}-access-${count}`, refresh_token: `canary-${name}-refresh-${count}` };
      return { body: { ...tokens, expires_in: 3600 } };
    },
    "/revoke": () => ({ body: {} }),
    "/par": () => ({ status: 201, body: { request_uri: "urn:pushed", expires_in: 60 } }),
    "/.well-known/openid-configuration": ({ headers: { host } }) => ({
      body: {
        issuer: `http://${host}`,
        authorization_endpoint: `http://${host}/authorize`,
        token_endpoint: `http://${host}/token`,
        pushed_authorization_request_endpoint: `http://${host}/par`,
      },
    }),
    "/api/me": (seen) => api(seen, own.me),
    "/api/people/me": (seen) => api(seen, { id: 1, name: "Ada Lovelace" }),
    "/api/items": (seen) => api(seen, { from: name }),
    "/api/things": (seen) => api(seen, { from: name, version: seen.headers["api-version"] }),
  });
  return Object.assign(own, side);
}

const manifest = (name: string, { url }: OddProvider) => `manifest: 1
name: ${name}
title: Acme
base_url: ${url}/api
auth:
  oauth:
    type: oauth2
    grant: authorization_code
    scopes: { required: [{ name: read, reason: Reads. }] }
    authorization: { url: ${url}/authorize }
    token: { url: ${url}/token }
    revocation: { url: ${url}/revoke }
    test: { request: { path: /me } }
    label: "{{ me.name }}"
    unique_id: me.id
  own:
    type: oauth2
    grant: authorization_code
    client: { source: connection }
    fields:
      - { name: client_id, label: Client ID, required: true, help: Of your app. }
      - { name: client_secret, label: Client secret, required: true, secret: true, help: Of your app. }
    authorization: { url: ${url}/authorize }
    token: { url: ${url}/token }
    revocation: { url: ${url}/revoke }
    test: { request: { path: /me } }
    label: "{{ me.name }}"
    unique_id: me.id
  key:
    type: api_key
    fields: [{ name: door, label: Door code, secret: true, required: true, help: Yours. }]
    apply: { name: X-Door, value: "{{ fields.door }}" }
    test: { request: { path: /me } }
    label: "{{ me.name }}"
    unique_id: me.id
actions:
  look: { title: Look, request: { path: /items }, output: body.from }
`;

/** The same way to connect with the same field, which is no secret any more and goes along as an ordinary parameter. */
const openly = `  key:
    type: none
    fields: [{ name: door, label: Door, help: Yours. }, { name: other, label: Other, help: Yours. }]
    default_params: { headers: { X-Door: "{{ fields.door }}" }, query: { other: "{{ fields.other }}" } }
    test:`;

/** Everything at once that changes for everybody. */
const reworded = (text: string) =>
  text
    .replace("title: Acme", "title: Acme Inc")
    .replaceAll("test: { request: { path: /me } }", "test: { request: { path: /people/me } }")
    .replace(
      "required: [{ name: read, reason: Reads. }]",
      "required: [{ name: read, reason: See. }, { name: write, reason: W. }]",
    )
    .replace("    label:", "    default_params: { headers: { Api-Version: '2' } }\n    label:")
    .replace("path: /items }, output: body.from", "path: /things }, output: body");

let good: Side;
let evil: Side;
let product: Product;

beforeAll(async () => {
  [good, evil] = [await startSide("good"), await startSide("evil")];
  product = await startProduct();
});
afterAll(cleanup);
beforeEach(() => {
  good.seen.length = 0;
  evil.seen.length = 0;
});

const publish = async (name: string, text: string) => {
  const answer = await product.send("PUT", `/v1/connectors/${name}`, text, { headers: { "content-type": "application/yaml" } });
  expect({ status: [200, 201].includes(answer.status), text: answer.text }).toMatchObject({ status: true });
};
const saveApp = async (name: string, auth = "oauth") => {
  const app = { client_id: "id", client_secret: "canary-client-secret" };
  expect((await product.put(`/v1/connectors/${name}/apps/${auth}/production`, app)).status).toBe(200);
};
const refresh = (id: string) => product.post(`/v1/connections/${id}/refresh`);
const signIn = async (id: string) => new Browser().open(await begin(product, id));
const restart = async () => {
  await product.end("SIGKILL");
  await product.start();
};

let names = 0;
/** Each test has a connector of its own. */
async function connected(): Promise<{ readonly name: string; readonly id: string; readonly version: string }> {
  names += 1;
  const name = `acme-${names}`;
  await publish(name, manifest(name, good));
  await saveApp(name);
  const { id, auth_version, upgrade_available } = await draft(product, name);
  expect({ auth_version, upgrade_available }).toEqual({ auth_version: null, upgrade_available: false });
  await signIn(id);
  const connection = await look(product, id);
  expect(connection).toMatchObject({ status: "connected", auth_version: expect.any(String), upgrade_available: false });
  return { name, id, version: connection.auth_version };
}

/** What a server was sent of another's. */
const foreign = (side: Side, of: string) =>
  side.seen.filter((seen) => JSON.stringify([seen.target, seen.headers, seen.body.toString()]).includes(`canary-${of}`));

async function goesOn(id: string, version: string): Promise<void> {
  good.seen.length = 0;
  expect((await step(product, id, "look")).json.output).toBe("good");
  expect((await refresh(id)).status).toBe(200);
  expect(good.at("/token").map(({ form }) => form.get("grant_type"))).toEqual(["refresh_token"]);
  expect((await product.post(`/v1/connections/${id}/test`)).json.ok).toBe(true);
  expect((await product.get(`/v1/connections/${id}`)).json).toMatchObject({ auth_version: version, upgrade_available: true });
  expect(evil.seen).toEqual([]);
}

test("a manifest with another token endpoint and another host gets nothing until the person reconnects, and then the new credential only", async () => {
  const { name, id, version } = await connected();
  await publish(name, manifest(name, evil));
  await goesOn(id, version);
  await restart();
  await goesOn(id, version);

  await signIn(id);
  const upgraded = await look(product, id);
  expect(upgraded).toMatchObject({ status: "connected", upgrade_available: false });
  expect(upgraded.auth_version).not.toBe(version);
  expect((await step(product, id, "look")).json.output).toBe("evil");
  expect((await refresh(id)).status).toBe(200);
  expect(evil.seen.length).toBeGreaterThan(3);
  expect(foreign(evil, "good")).toEqual([]);
  expect(foreign(good, "evil")).toEqual([]);
});

test("a sign-in that fails leaves the connection with the version that it had", async () => {
  const { name, id, version } = await connected();
  await publish(name, manifest(name, evil).replaceAll("path: /me }", "path: /nothing }"));
  await signIn(id);
  expect(await look(product, id)).toMatchObject({ status: "connected", auth_version: version, upgrade_available: true });
  expect((await step(product, id, "look")).json.output).toBe("good");
});

test("an old connection is revoked where it was connected", async () => {
  const { name, id } = await connected();
  await publish(name, manifest(name, evil));
  expect((await product.send("DELETE", `/v1/connections/${id}`)).status).toBe(204);
  expect(good.at("/revoke").map(({ form }) => form.get("token"))).toEqual([
    expect.stringContaining("canary-good-refresh"),
    expect.stringContaining("canary-good-access"),
  ]);
  expect(evil.seen).toEqual([]);
});

test("50 parallel steps of an old connection make one refresh, where it was connected", async () => {
  const { name, id } = await connected();
  await step(product, id, "look");
  good.dead.add(good.at("/api/items").at(-1)?.headers.authorization ?? "");
  await publish(name, manifest(name, evil));
  const answers = await Promise.all(Array.from({ length: 50 }, () => step(product, id, "look")));
  expect(answers.map(({ json }) => json.output)).toEqual(Array(50).fill("good"));
  expect(good.at("/token").filter(({ form }) => form.get("grant_type") === "refresh_token")).toHaveLength(1);
  expect(evil.seen).toEqual([]);
});

test("words, scopes, the test, the parameters of every call and the actions are those of today", async () => {
  const { name, id, version } = await connected();
  await publish(name, reworded(manifest(name, good)));
  expect(await look(product, id)).toMatchObject({
    auth_version: version,
    upgrade_available: false,
    missing_scopes: ["write"],
  });
  expect((await step(product, id, "look")).json.output).toEqual({ from: "good", version: "2" });
  expect((await product.post(`/v1/connections/${id}/test`)).json).toMatchObject({
    ok: true,
    connection: { label: "Ada Lovelace" },
  });

  // The same for one that goes on with an older sign-in.
  await publish(name, reworded(manifest(name, evil)).replace("'2'", "'3'"));
  expect((await step(product, id, "look")).json.output).toEqual({ from: "good", version: "3" });
  expect(await look(product, id)).toMatchObject({ upgrade_available: true, missing_scopes: ["write"] });
  expect(evil.seen).toEqual([]);
  await signIn(id);
  expect(await look(product, id)).toMatchObject({ upgrade_available: false, missing_scopes: [] });
  expect(evil.at("/authorize")[0]?.query.get("scope")).toBe("read write");
});

test("a way to connect that is no longer in the manifest goes on for those who have it, and for nobody else", async () => {
  const { name, id, version } = await connected();
  await publish(name, manifest(name, evil).replace("  oauth:", "  login:"));
  for (const again of [false, true]) {
    if (again) await restart();
    expect((await step(product, id, "look")).json.output).toBe("good");
    expect((await refresh(id)).status).toBe(200);
    expect((await product.post(`/v1/connections/${id}/test`)).json.ok).toBe(true);
    expect(await look(product, id)).toMatchObject({ auth_version: version, upgrade_available: false });
  }
  const renamed = await product.send("PATCH", `/v1/connections/${id}`, { name: "Mine" });
  expect(renamed.json).toMatchObject({ label: "Mine", status: "connected" });
  expect((await product.post(`/v1/connections/${id}/authorize`)).json.code).toBe("auth_unknown");
  expect((await product.post("/v1/connections", { connector: name, auth: "oauth" })).json.code).toBe("auth_unknown");
  expect((await product.send("DELETE", `/v1/connections/${id}`)).status).toBe(204);
  expect(good.at("/revoke")).toHaveLength(2);
  expect(evil.seen).toEqual([]);
});

test("a folder that has changed, or lost the connector, between two starts changes nothing for old credentials", async () => {
  names += 1;
  const name = `folder-${names}`;
  writeConnector(product.connectorsDir, name, manifest(name, good));
  await restart();
  await saveApp(name);
  const { id } = await draft(product, name);
  await signIn(id);
  const { auth_version: version } = await look(product, id);

  await product.end("SIGKILL");
  writeConnector(product.connectorsDir, name, manifest(name, evil));
  await product.start();
  await goesOn(id, version);

  await product.end("SIGKILL");
  rmSync(join(product.connectorsDir, name), { recursive: true });
  await product.start();
  expect((await step(product, id, "look")).json.code).toBe("connector_unknown");
  expect((await product.post(`/v1/connections/${id}/test`)).json.code).toBe("connector_unknown");
  expect((await product.get(`/v1/connections/${id}/proxy/items`)).json.code).toBe("connector_unknown");
  expect(await look(product, id)).toMatchObject({ status: "connected", auth_version: version, upgrade_available: false });
  good.seen.length = 0;
  expect((await refresh(id)).json).toMatchObject({ status: "connected", error: null });
  expect((await product.send("DELETE", `/v1/connections/${id}`)).status).toBe(204);
  expect(good.seen.map(({ path }) => path)).toEqual(["/token", "/revoke", "/revoke"]);
  expect(evil.seen).toEqual([]);
});

test("a sign-in that began before the change is refused before its code is sent anywhere", async () => {
  const { name, id, version } = await connected();
  const fresh = await draft(product, name, { owner: "bob" });
  for (const one of [id, fresh.id]) {
    await publish(name, manifest(name, good));
    const browser = new Browser();
    const url = await begin(product, one);
    const { url: callback } = await browser.open(url, { stop: ({ pathname }) => pathname.startsWith("/oauth/callback/") });
    good.seen.length = 0;
    await publish(name, manifest(name, evil));
    await browser.open(callback);
    expect([...good.seen, ...evil.seen]).toEqual([]);
    const [event] = await events(product, one);
    expect(event).toMatchObject({ type: "failed", code: "state_invalid" });
  }
  expect(await look(product, id)).toMatchObject({ status: "connected", auth_version: version });
  expect(await look(product, fresh.id)).toMatchObject({
    status: "draft",
    error: { code: "state_invalid", message: "The connector was changed while you were signing in. Start again." },
  });
  await signIn(fresh.id);
  expect(await look(product, fresh.id)).toMatchObject({ status: "connected", upgrade_available: false });
});

test("nor is the request of such a sign-in pushed to anybody", async () => {
  const { name, id } = await connected();
  const issued = (side: Side) => manifest(name, side).replace("    scopes:", `    issuer: ${side.url}\n    scopes:`);
  const open = (url: string) => new Browser().open(url, { stop: ({ origin }) => origin !== new URL(product.url).origin });
  await publish(name, issued(good));
  await open(await begin(product, id));
  expect(good.at("/par")).toHaveLength(1);
  const url = await begin(product, id);
  await publish(name, issued(evil));
  good.seen.length = 0;
  expect((await open(url)).answer?.status).toBe(400);
  expect([...good.seen, ...evil.seen]).toEqual([]);
});

test("a stored key is not taken along to the new version unless it is given again", async () => {
  const { name } = await connected();
  const key = "canary-good-key-1";
  const { id, auth_version: version } = await draft(product, name, { auth: "key", fields: { door: key } });
  const patch = (fields: object) => product.send("PATCH", `/v1/connections/${id}`, { fields });
  expect((await patch({})).json).toMatchObject({ status: "connected", auth_version: version });
  await publish(name, manifest(name, evil));
  expect((await step(product, id, "look")).json.output).toBe("good");
  expect((await patch({})).json).toMatchObject({ code: "field_required", field: "door" });
  expect(evil.seen).toEqual([]);
  // Nor by calling it no secret.
  await publish(name, manifest(name, evil).replace(/ {2}key:\n {4}type[\s\S]*?test:/, openly));
  expect((await patch({ other: "x" })).json).toMatchObject({ code: "field_required", field: "door" });
  expect(evil.seen).toEqual([]);
  expect(await look(product, id)).toMatchObject({ fields: {}, auth_version: version, upgrade_available: true });

  await publish(name, manifest(name, evil));
  const { json } = await patch({ door: "canary-evil-key-2" });
  expect(json).toMatchObject({ status: "connected", upgrade_available: false });
  expect(json.auth_version).not.toBe(version);
  expect(foreign(evil, "good")).toEqual([]);
});

test("neither are a person's own client secret, nor what a draft has stored", async () => {
  const { name } = await connected();
  const fields = { client_id: "mine", client_secret: "canary-good-secret" };
  const { id } = await draft(product, name, { auth: "own", fields, owner: "carol" });
  await publish(name, manifest(name, evil));
  const authorize = (body: object) => product.post(`/v1/connections/${id}/authorize`, body);
  expect((await authorize({})).json).toMatchObject({ code: "field_required", field: "client_secret" });
  await publish(name, manifest(name, good));
  await signIn(id);
  await publish(name, manifest(name, evil));
  expect((await authorize({})).json).toMatchObject({ code: "field_required", field: "client_secret" });
  const again = await authorize({ fields: { client_secret: "canary-evil-secret" } });
  await new Browser().open(again.json.authorization_url);
  expect(await look(product, id)).toMatchObject({ status: "connected", upgrade_available: false });
  expect(evil.at("/token")[0]?.form.get("client_secret")).toBe("canary-evil-secret");
  expect(foreign(evil, "good")).toEqual([]);
});

test("the same account connected again joins its old connection, with the new version", async () => {
  const { name, id, version } = await connected();
  await publish(name, manifest(name, evil));
  const second = await draft(product, name);
  await signIn(second.id);
  const merged = await look(product, second.id);
  expect(merged).toMatchObject({ id, status: "connected", upgrade_available: false });
  expect(merged.auth_version).not.toBe(version);
  expect((await step(product, id, "look")).json.output).toBe("evil");
  expect(foreign(evil, "good")).toEqual([]);
});

test("another way to tell accounts apart is taken over for the same account, and for no other", async () => {
  const { name, id } = await connected();
  expect(await look(product, id)).toMatchObject({ unique_id: "1" });
  await publish(name, manifest(name, good).replaceAll("unique_id: me.id", "unique_id: me.name"));
  good.me = { id: 2, name: "Eve" };
  await signIn(id);
  expect(await look(product, id)).toMatchObject({ unique_id: "1", upgrade_available: true, error: { code: "account_mismatch" } });
  good.me = { id: 1, name: "Ada" };
  await signIn(id);
  expect(await look(product, id)).toMatchObject({ unique_id: "Ada", upgrade_available: false, error: null });
});

test("a manifest that goes back to what it was brings back the version that it had", async () => {
  const { name, id, version } = await connected();
  await publish(name, manifest(name, evil));
  expect(await look(product, id)).toMatchObject({ upgrade_available: true });
  await publish(name, reworded(manifest(name, good)));
  expect(await look(product, id)).toMatchObject({ upgrade_available: false, auth_version: version });
});
