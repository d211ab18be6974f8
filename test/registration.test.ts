import { Browser } from "./harness/browser.ts";
import { findSecrets } from "./harness/canary.ts";
import { cleanup } from "./harness/cleanup.ts";
import { begin, connect, deviceManifest, draft, look, oauthManifest, step } from "./harness/connect.ts";
import { heard } from "./harness/http.ts";
import { keptBy } from "./harness/inside.ts";
import { checkAnswers } from "./harness/openapi.ts";
import { type Product, startProduct } from "./harness/product.ts";
import { deviceGrant, type Provider, startProvider } from "./harness/provider.ts";
import { until } from "./harness/wait.ts";
import { type OddProvider, type Reply, startOddProvider } from "./provider/odd.ts";

jest.setTimeout(60_000);

let provider: Provider;
let odd: OddProvider;
let product: Product;
let reply: () => Reply;

/** A connector whose client registers itself at the authorization server. */
const registering = (
  name: string,
  authentication: "client_secret_basic" | "client_secret_post" | "none" = "client_secret_basic",
) =>
  oauthManifest(provider, { name }).replace(
    /client: \{ .* \}/,
    `client: { authentication: ${authentication}, registration: { url: "${provider.issuer}/reg" } }`,
  );

const oddManifest = (name: string, authentication: string) => `manifest: 1
name: ${name}
title: Odd
base_url: ${odd.url}/api
auth:
  oauth:
    type: oauth2
    grant: authorization_code
    client:
      authentication: ${authentication}
      registration: { url: "${odd.url}/register", params: { software_id: jackfield, scope: null, client_name: "At {{ platform.url }}" } }
    scopes: { required: [{ name: read, reason: Read. }] }
    authorization: { url: "${odd.url}/authorize" }
    token: { url: "${odd.url}/token" }
    test: { request: { path: /me } }
    label: "{{ me.name }}"
    unique_id: me.id
`;

beforeAll(async () => {
  provider = await startProvider();
  odd = await startOddProvider({ "/register": () => reply() });
  const connectors = {
    acme: registering("acme"),
    crowd: registering("crowd"),
    posted: registering("posted", "client_secret_post"),
    open: registering("open", "none"),
    taken: registering("taken"),
    moving: registering("moving"),
    tv: deviceManifest(provider, { name: "tv" }).replace(
      /client: \{ .* \}/,
      `client: { authentication: none, registration: { url: "${provider.issuer}/reg" } }`,
    ),
    odd: oddManifest("odd", "none"),
    "odd-secret": oddManifest("odd-secret", "client_secret_post"),
    "odd-change": oddManifest("odd-change", "client_secret_post"),
    "odd-short": oddManifest("odd-short", "client_secret_post"),
  };
  product = await startProduct({ connectors });
});
afterAll(cleanup);
beforeEach(async () => {
  await provider.reset();
  odd.seen.length = 0;
});

const app = (connector: string) => product.get(`/v1/connectors/${connector}/apps/oauth/production`);
const registrations = async () => (await provider.log("/reg")).map(({ body }) => JSON.parse(body));

test("the first sign-in without an app registers one, says of it what the manifest says, and connects with it", async () => {
  expect((await app("acme")).status).toBe(404);
  expect((await product.get("/v1/connectors/acme")).json).toMatchObject({
    configured: true,
    auth: [{ takes_app: true, registers_itself: true }],
  });
  const { id, connection } = await connect(product, "acme");
  expect(connection).toMatchObject({ status: "connected", label: "Ada Lovelace's Acme" });
  expect(await registrations()).toEqual([
    {
      client_name: "Jackfield",
      redirect_uris: [`${product.url}/oauth/callback/acme`],
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      token_endpoint_auth_method: "client_secret_basic",
      scope: "read write",
    },
  ]);
  const saved = (await app("acme")).json;
  expect(saved).toMatchObject({ registered: true, secret_set: true });
  expect((await product.post(`/v1/connections/${id}/refresh`)).status).toBe(200);
  expect((await step(product, id, "list_items")).status).toBe(200);
});

test("a connector that moved to another server registers there, and what was connected before goes on with its own client", async () => {
  const { id } = await connect(product, "moving");
  const before = (await app("moving")).json.client_id;
  reply = () => ({ status: 201, body: { client_id: "at-the-new-server" } });
  const moved = registering("moving", "none").replace(`${provider.issuer}/reg`, `${odd.url}/register`);
  const published = await product.send("PUT", "/v1/connectors/moving", moved, {
    headers: { "content-type": "application/yaml" },
  });
  expect(published.status).toBe(200);
  const { id: next } = await draft(product, "moving", { owner: "somebody-else" });
  await begin(product, next);
  expect(odd.at("/register")).toHaveLength(1);
  expect((await app("moving")).json).toMatchObject({
    client_id: "at-the-new-server",
    former: [{ client_id: before, connections: 1 }],
  });
  expect((await product.post(`/v1/connections/${id}/refresh`)).status).toBe(200);
});

test.each<[string, (manifest: string) => string]>([
  ["another host in its environment", (manifest) => manifest.replace(/ host: "[^"]*"/, ' host: "http://127.0.0.1:1"')],
  ["another token endpoint", (manifest) => manifest.replace('/token"', '/other-token"')],
  ["another way to prove itself", (manifest) => manifest.replace("client_secret_post", "client_secret_basic")],
])("a connector that got %s registers anew, and one that stayed does not", async (what, change) => {
  reply = () => ({ status: 201, body: { client_id: `client-${odd.seen.length}`, client_secret: "canary-of-the-changed-one" } });
  const manifest = oddManifest("odd-change", "client_secret_post")
    .replace("auth:", `environments: { production: { host: "${odd.url}", register: "${odd.url}" } }\nauth:`)
    .replace(`"${odd.url}/token"`, '"{{ env.host }}/token"')
    .replace(`"${odd.url}/register"`, '"{{ env.register }}/register"');
  const publish = async (text: string) => {
    const headers = { "content-type": "application/yaml" };
    expect((await product.send("PUT", "/v1/connectors/odd-change", text, { headers })).status).toBe(200);
    await begin(product, (await draft(product, "odd-change", { owner: what })).id);
  };
  await publish(manifest);
  await publish(manifest.replace("title: Odd", "title: Otherwise"));
  expect(odd.at("/register")).toHaveLength(1);
  await publish(change(manifest));
  expect(odd.at("/register")).toHaveLength(2);
  expect((await app("odd-change")).json.client_id).toBe("client-2");
  await product.send("DELETE", "/v1/connectors/odd-change/apps/oauth/production?force=true");
});

test("however many sign-ins begin at once, one client is registered, also after a restart", async () => {
  const drafts = await Promise.all(Array.from({ length: 8 }, (_, n) => draft(product, "crowd", { owner: `crowd-${n}` })));
  const urls = await Promise.all(drafts.map(({ id }) => begin(product, id)));
  expect(await registrations()).toHaveLength(1);
  await product.end("SIGKILL");
  await product.start();
  const { client_id } = (await app("crowd")).json;
  const [url] = urls;
  await new Browser().signIn(url ?? "");
  const connected = await Promise.all(drafts.map(({ id }) => look(product, id)));
  expect(connected.filter(({ status }) => status === "connected")).toHaveLength(1);
  await begin(product, (await draft(product, "crowd", { owner: "later" })).id);
  expect(await registrations()).toHaveLength(1);
  expect((await app("crowd")).json.client_id).toBe(client_id);
});

test.each(["posted", "open"])("a client that proves itself otherwise (%s) connects too", async (connector) => {
  expect((await connect(product, connector)).connection.status).toBe("connected");
  expect((await app(connector)).json.registered).toBe(true);
});

test("for codes on another device it is registered for that grant, without a redirect URL", async () => {
  const { id } = await draft(product, "tv");
  expect((await product.post(`/v1/connections/${id}/authorize`)).json.user_code).toMatch(/^[A-Z]{4}-/);
  const [request] = await registrations();
  expect(request).toMatchObject({ grant_types: [deviceGrant, "refresh_token"], response_types: [] });
  expect(request).not.toHaveProperty("redirect_uris");
});

test("an admin's app counts before one of its own, and replaces it together with its secret", async () => {
  const put = (values: object) => product.put("/v1/connectors/taken/apps/oauth/production", values);
  await put({ client_id: "the-admins-own", client_secret: "the-admins-secret-0123456789" });
  const { id } = await draft(product, "taken");
  await begin(product, id);
  expect(await registrations()).toEqual([]);
  expect((await app("taken")).json).toMatchObject({ client_id: "the-admins-own", registered: false });

  expect((await product.send("DELETE", "/v1/connectors/taken/apps/oauth/production")).status).toBe(204);
  await begin(product, id);
  expect(await registrations()).toHaveLength(1);
  expect((await app("taken")).json.registered).toBe(true);
  // The registered client's secret is not kept for another client.
  expect((await put({ client_id: "the-admins-second" })).json).toMatchObject({ code: "field_required", field: "client_secret" });
  expect((await put({ client_id: "the-admins-second", client_secret: "its-secret-0123456789" })).json).toMatchObject({
    client_id: "the-admins-second",
    registered: false,
  });
});

describe("what a registration endpoint answers", () => {
  const authorize = async (connector: string) => {
    const { id } = await draft(product, connector, { owner: `odd-${Math.random()}` });
    return product.post(`/v1/connections/${id}/authorize`);
  };

  test.each([
    ["a refusal", { status: 400, body: { error: "invalid_client_metadata", error_description: "No more clients." } }],
    ["no client ID", { status: 201, body: { client_secret: "x" } }],
    ["a client ID that is no text", { status: 201, body: { client_id: 7 } }],
    ["a client ID that breaks a header", { status: 201, body: { client_id: "a\r\nb" } }],
    ["no JSON", { status: 200, body: "<html>registered</html>" }],
    ["a redirect", { status: 307, headers: { location: "https://elsewhere.example/" } }],
  ])("%s is told, and nothing is saved", async (_what, given: Reply) => {
    reply = () => given;
    const answer = await authorize("odd");
    expect(answer.status).toBe(502);
    expect(answer.json).toMatchObject({ code: "registration_refused", audience: "admin" });
    expect((await app("odd")).status).toBe(404);
  });

  test("a client without the secret that it needs is refused", async () => {
    reply = () => ({ status: 201, body: { client_id: "no-secret" } });
    expect((await authorize("odd-secret")).json.code).toBe("registration_refused");
    expect((await app("odd-secret")).status).toBe(404);
  });

  test("a server that is ill is no refusal, and the next sign-in tries again", async () => {
    reply = () => ({ status: 503, body: "busy" });
    expect((await authorize("odd")).json.code).toBe("provider_unavailable");
    reply = () => ({ status: 201, body: { client_id: "odd-client" } });
    expect((await authorize("odd")).status).toBe(200);
    expect((await app("odd")).json).toMatchObject({ client_id: "odd-client", secret_set: false, registered: true });
    expect(odd.at("/register").map(({ json }) => json)[1]).toEqual({
      redirect_uris: [`${product.url}/oauth/callback/odd`],
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      token_endpoint_auth_method: "none",
      software_id: "jackfield",
      client_name: `At ${product.url}`,
    });
  });

  test("a secret that has ended is replaced by registering again; one without an end stays", async () => {
    const end = Math.floor(Date.now() / 1000) + 5;
    const short = { client_id: "short", client_secret: "canary-of-the-short-one", client_secret_expires_at: end };
    const long = { client_id: "long", client_secret: "canary-of-the-long-one", client_secret_expires_at: 0 };
    reply = () => ({ status: 201, body: short });
    expect((await authorize("odd-short")).status).toBe(200);
    reply = () => ({ status: 201, body: long });
    await until(
      "the secret to end",
      async () => {
        expect((await authorize("odd-short")).status).toBe(200);
        return (await app("odd-short")).json.client_id === "long";
      },
      { every: 500 },
    );
    expect((await app("odd-short")).json).toMatchObject({ secret_set: true, registered: true });
    expect((await authorize("odd-short")).status).toBe(200);
    expect(odd.at("/register")).toHaveLength(2);
  });
});

test("no secret of a registered client stands in the data folder, the logs or any answer, and every answer is as documented", async () => {
  const own = heard.filter(({ origin }) => origin === product.url);
  const secrets = (await provider.issued()).client_secrets;
  expect(secrets.length).toBeGreaterThan(2);
  const said = own.map(
    ({ method, target, headers, body }) =>
      [`${method} ${target}`, Buffer.concat([Buffer.from(JSON.stringify(headers)), body])] as const,
  );
  const places = [["what was printed", Buffer.from(product.output)] as const, ...(await keptBy(product)), ...said];
  expect(
    findSecrets([...secrets, "canary-of-the-changed-one", "canary-of-the-short-one", "canary-of-the-long-one"], places),
  ).toEqual([]);
  expect(checkAnswers((await product.get("/openapi.json")).json, own)).toEqual([]);
});
