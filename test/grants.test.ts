import { cleanup } from "./harness/cleanup.ts";
import { awkward, connect, draft, events, look, oauthManifest, saveApp, step } from "./harness/connect.ts";
import { heard } from "./harness/http.ts";
import { checkAnswers } from "./harness/openapi.ts";
import { type Product, startProduct } from "./harness/product.ts";
import { type Provider, startProvider } from "./harness/provider.ts";

jest.setTimeout(60_000);

let provider: Provider;
let product: Product;

/** A connector whose client asks in its own name. */
const machineManifest = (name: string, auth = ""): string => `manifest: 1
name: ${name}
title: Machine
base_url: ${provider.issuer}/api
auth:
  machine:
    type: oauth2
    grant: client_credentials
    client: { authentication: client_secret_basic }
    scopes: { required: [{ name: read, reason: Read the items. }] }
    token: { url: ${provider.issuer}/token }
    test: { request: { path: /me } }
    label: { template: "{{ me.name }} on Acme", fallback: "Client {{ app.client_id }}" }
    unique_id: me.id
${auth}actions:
  list_items: { title: List items, request: { path: /items }, output: body.items }
`;

const machineId = "machine:/+% &=?";

beforeAll(async () => {
  provider = await startProvider();
  await provider.client({
    client_id: machineId,
    client_secret: awkward.secret,
    token_endpoint_auth_method: "client_secret_basic",
    redirect_uris: [],
    grant_types: ["client_credentials"],
    response_types: [],
  });
  const revoking = `    revocation: { url: "${provider.issuer}/token/revocation" }\n`;
  const everywhere = `    revocation: { url: "${provider.issuer}/token/revocation", on: [disconnect, invalid_credentials] }\n`;
  const byRequest = "    revocation: { request: { method: POST, path: /echo, query: { end: session } } }\n";
  product = await startProduct({
    connectors: {
      machine: machineManifest("machine"),
      "own-client": machineManifest("own-client").replace("authentication:", "source: connection, authentication:"),
      targeted: machineManifest("targeted", "    audience: https://api.acme.example/\n"),
      silent: oauthManifest(provider, {
        name: "silent",
        auth: `    introspection: { url: "${provider.issuer}/token/introspection" }\n`,
      }).replace("/token }", "/token, response: { expires_in: not_told } }"),
      revoking: oauthManifest(provider, { name: "revoking", auth: revoking }),
      everywhere: oauthManifest(provider, { name: "everywhere", auth: everywhere }),
      "by-request": oauthManifest(provider, { name: "by-request", auth: byRequest }),
    },
  });
  for (const name of ["machine", "targeted"]) {
    await product.put(`/v1/connectors/${name}/apps/machine/production`, { client_id: machineId, client_secret: awkward.secret });
  }
  for (const name of ["silent", "revoking", "everywhere", "by-request"]) await saveApp(product, provider, name);
});

afterAll(cleanup);

beforeEach(() => provider.reset());

test("where a token's answer tells no end, the authorization server tells it by introspection", async () => {
  await provider.set({ access_token_ttl: 1200 });
  const { connection } = await connect(product, "silent");
  expect(Math.round((Date.parse(connection.expires_at) - Date.now()) / 60_000)).toBe(20);
  const asked = (await provider.log("/token/introspection")).map(({ body }) => new URLSearchParams(body).get("token_type_hint"));
  expect(asked).toEqual(["access_token"]);
});

describe("client credentials", () => {
  test("connect in one call, with the label and the account that the test's answer gives", async () => {
    const connection = await draft(product, "machine");
    expect(connection).toMatchObject({
      status: "connected",
      label: "Example GmbH on Acme",
      unique_id: "org-42",
      renewable: true,
    });
    expect((await step(product, connection.id, "list_items")).json.output).toHaveLength(3);
  });

  test("send the grant and the scopes, the client in the header, and nothing else", async () => {
    await draft(product, "machine", { owner: "bytes" });
    const [request] = await provider.tokenRequests();
    expect(Object.fromEntries(request ?? [])).toEqual({ grant_type: "client_credentials", scope: "read" });
  });

  test("send the audience where the manifest names one", async () => {
    await draft(product, "targeted");
    expect((await provider.tokenRequests())[0]?.get("audience")).toBe("https://api.acme.example/");
  });

  test("are renewed by asking again: once for many steps, and never with a refresh token", async () => {
    // Too short to be renewed in the background.
    await provider.set({ access_token_ttl: 1 });
    const { id } = await draft(product, "machine", { owner: "reissue" });
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    await provider.set({ access_token_ttl: 3600 });
    const before = (await provider.tokenRequests("client_credentials")).length;
    const answers = await Promise.all(Array.from({ length: 20 }, () => step(product, id, "list_items")));
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
    expect((await provider.tokenRequests("client_credentials")).length - before).toBe(1);
    expect(await provider.tokenRequests("refresh_token")).toEqual([]);
  });

  test("of the user's own client are sealed with the connection", async () => {
    const fields = { client_id: machineId, client_secret: awkward.secret };
    const connection = await draft(product, "own-client", { fields });
    expect(connection).toMatchObject({ status: "connected", fields: { client_id: machineId } });
    expect(JSON.stringify(connection)).not.toContain(awkward.secret);
  });

  test("with a wrong secret end in `error`, with the provider's code and what to check", async () => {
    const fields = { client_id: machineId, client_secret: "wrong-secret-0123456789" };
    const connection = await draft(product, "own-client", { fields, owner: "wrong" });
    expect(connection).toMatchObject({
      status: "error",
      error: { code: "client_refused", provider: { error: "invalid_client" } },
    });
    expect(connection.error.hint).toContain('environment "production"');
    const mended = await product.send("PATCH", `/v1/connections/${connection.id}`, { fields: { client_secret: awkward.secret } });
    expect(mended.json).toMatchObject({ status: "connected", error: null });
  });

  test("without a saved app are refused before anything is stored", async () => {
    await product.send("DELETE", "/v1/connectors/targeted/apps/machine/production?force=true");
    const answer = await product.post("/v1/connections", { connector: "targeted", owner: "nobody" });
    expect(answer.json).toMatchObject({ status: 409, code: "app_not_configured" });
    expect((await product.get("/v1/connections?owner=nobody")).json.items).toEqual([]);
  });

  test("have no sign-in page", async () => {
    const { id } = await draft(product, "machine", { owner: "no-page" });
    expect((await product.post(`/v1/connections/${id}/authorize`)).json).toMatchObject({ status: 409, code: "no_user_step" });
  });
});

describe("disconnecting", () => {
  const revocations = () => provider.log("/token/revocation");

  test("revokes the refresh token, then the access token, and both are dead", async () => {
    const { id } = await connect(product, "revoking");
    const { access_tokens, refresh_tokens } = await provider.issued();
    expect((await product.send("DELETE", `/v1/connections/${id}`)).status).toBe(204);
    const sent = (await revocations()).map(({ body }) => Object.fromEntries(new URLSearchParams(body)));
    expect(sent).toEqual([
      { token: refresh_tokens.at(-1), token_type_hint: "refresh_token" },
      { token: access_tokens.at(-1), token_type_hint: "access_token" },
    ]);
    expect((await revocations())[0]?.headers.authorization).toMatch(/^Basic /);
    const headers = { authorization: `Bearer ${access_tokens.at(-1)}` };
    expect((await fetch(`${provider.issuer}/api/me`, { headers })).status).toBe(401);
  });

  test("leaves nothing but the fact: what names it afterwards is told so", async () => {
    const { id } = await connect(product, "revoking");
    await product.send("DELETE", `/v1/connections/${id}`);
    for (const answer of [await product.get(`/v1/connections/${id}`), await step(product, id, "list_items")]) {
      expect(answer.json).toMatchObject({ status: 410, code: "connection_revoked" });
    }
    expect((await product.get("/v1/connections?connector=revoking")).json.items).toEqual([]);
  });

  test("erases here even when the provider refuses, and tells its words", async () => {
    const { id } = await connect(product, "revoking");
    await provider.set({ revocation_fail: { status: 503, body: '{"error":"temporarily_unavailable"}', times: 1 } });
    const answer = await product.send("DELETE", `/v1/connections/${id}`);
    expect(answer).toMatchObject({
      status: 200,
      json: { provider_revoked: false, provider: { status: 503, error: "temporarily_unavailable" } },
    });
    expect((await product.get(`/v1/connections/${id}`)).status).toBe(410);
  });

  test("does not revoke what another owner's connection to the same account still uses", async () => {
    const first = await connect(product, "revoking");
    const other = await draft(product, "revoking", { owner: "somebody-else" });
    const begun = await product.post(`/v1/connections/${other.id}/authorize`);
    await first.browser.signIn(begun.json.authorization_url, {});
    expect((await look(product, other.id)).status).toBe("connected");
    await product.send("DELETE", `/v1/connections/${first.id}`);
    expect(await revocations()).toEqual([]);
    expect((await step(product, other.id, "list_items")).status).toBe(200);
    await product.send("DELETE", `/v1/connections/${other.id}`);
    expect(await revocations()).toHaveLength(2);
  });

  test("can be a request of the API, made with the credential", async () => {
    const { id } = await connect(product, "by-request");
    const { access_tokens } = await provider.issued();
    await product.send("DELETE", `/v1/connections/${id}`);
    const [request] = await provider.log("/api/echo");
    expect(request).toMatchObject({ method: "POST", target: "/api/echo?end=session" });
    expect(request?.headers.authorization).toBe(`Bearer ${access_tokens.at(-1)}`);
  });

  test.each([
    ["everywhere", 1],
    ["revoking", 0],
  ])("a credential that went bad is revoked only where the manifest says so: %s", async (connector, times) => {
    const { id } = await connect(product, connector);
    await provider.set({ refuse_refresh: true });
    expect((await product.post(`/v1/connections/${id}/refresh`)).json.code).toBe("needs_reauth");
    expect((await look(product, id)).status).toBe("needs_reauth");
    expect((await events(product, id)).filter(({ type }) => type === "needs_reauth")).toHaveLength(1);
    expect((await revocations()).length > 0 ? 1 : 0).toBe(times);
  });

  test("a credential that went bad is offered for revocation once, and a refusal changes nothing", async () => {
    const { id } = await connect(product, "everywhere");
    const told = async () => (await events(product, id)).map(({ type }) => type).filter((type) => type === "needs_reauth");
    const before = (await told()).length;
    await provider.set({ refuse_refresh: true, revocation_fail: { status: 503, body: "", times: 10 } });
    const refused = await product.post(`/v1/connections/${id}/refresh`);
    expect(refused.json.code).toBe("needs_reauth");
    const { status, error } = await look(product, id);
    expect([status, error.code]).toEqual(["needs_reauth", "grant_refused"]);
    expect(await told()).toHaveLength(before + 1);
    expect(await revocations()).toHaveLength(1);
    await product.post(`/v1/connections/${id}/refresh`);
    await step(product, id, "list_items");
    expect(await revocations()).toHaveLength(1);
    expect((await look(product, id)).status).toBe("needs_reauth");
  });
});

test("every answer that was given here fits the OpenAPI document", async () => {
  const document = (await product.get("/openapi.json")).json;
  const own = heard.filter((answer) => answer.origin === product.url);
  expect(checkAnswers(document, own)).toEqual([]);
});
