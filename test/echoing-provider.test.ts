import { createHmac } from "node:crypto";
import { Browser } from "./harness/browser.ts";
import { cleanup } from "./harness/cleanup.ts";
import { begin, draft, look, step } from "./harness/connect.ts";
import { type Product, startProduct } from "./harness/product.ts";
import { backTo, type OddProvider, type Seen, startOddProvider } from "./provider/odd.ts";

// A provider that repeats everything it is sent, wherever a provider can say something. Every secret is a canary.

jest.setTimeout(60_000);

let odd: OddProvider;
let product: Product;

const manifest = (url: string) => `manifest: 1
name: echoing
title: Echoing
base_url: ${url}/api
auth:
  keys:
    type: custom
    fields:
      - { name: api_secret, label: Secret, secret: true, required: true, help: From your account. }
    apply:
      - { name: X-Signature, value: "{{ $hmac(request.method, fields.api_secret) }}" }
      - { name: X-Tag, value: "{{ request.method }}-known-tag" }
    test: { request: { path: /me } }
    label: "{{ me.name }}"
    unique_id: me.id
  service:
    type: oauth2
    grant: client_credentials
    fields:
      - { name: pin, label: Pin, secret: true, required: true, help: From your account. }
    client: { fields: [{ name: signing_secret, label: Signing secret, secret: true, help: From the app. }] }
    token: { url: ${url}/token, headers: { X-Pin: "{{ fields.pin }}", X-Sign: "{{ app.signing_secret }}" } }
    apply:
      - { name: Authorization, value: "Bearer {{ token.access_token }}" }
      - { name: X-Sign, value: "{{ app.signing_secret }}" }
      - { name: X-Session, value: "{{ token.raw.session }}" }
    revocation: { request: { method: POST, path: /revoke, body: { secret: "{{ app.client_secret }}", pin: "{{ fields.pin }}" } } }
    test: { request: { path: /me } }
    label: "{{ me.name }}"
    unique_id: me.id
  chosen:
    type: oauth2
    grant: client_credentials
    token:
      url: ${url}/token
      then:
        - request: { method: POST, url: ${url}/then, body: { secret: "{{ app.signing_secret }}" } }
    after_connect:
      - request: { path: /places }
        choose: { name: place, title: Which place?, items: body.places, value: id, label: "{{ title }}", pattern: "^[a-z]+$" }
    revocation: { url: ${url}/revoke }
    test: { request: { path: /me } }
    label: "{{ me.name }} {{ connection.place }}"
    unique_id: me.id
  signed:
    type: oauth1
    signature_method: PLAINTEXT
    request_token: { url: ${url}/request }
    authorization: { url: ${url}/authorize }
    token: { url: ${url}/access }
    test: { request: { path: /me } }
    label: "{{ me.name }}"
    unique_id: me.id
options:
  things: { request: { path: /things, query: { after: "{{ page.cursor }}" } }, items: "body.[{ 'label': 'one', 'value': 1 }]", next: body.headers.authorization }
actions:
  echo: { title: Echo, request: { path: /echo }, output: body.headers }
  elsewhere:
    title: List
    request: { path: /list }
    paginate: { type: url, items: body.items, next: body.next }
`;

const app = { client_id: "the-client", client_secret: "canary-client-secret" };
let refuseToken = false;
let refuseThen = false;

const echo = ({ headers, body }: Seen) => ({ headers, body: body.toString("utf8") });

beforeAll(async () => {
  odd = await startOddProvider({
    "/token": (seen) =>
      refuseToken
        ? { status: 400, body: { error: "invalid_request", error_description: JSON.stringify(echo(seen)) } }
        : { body: { access_token: "canary-token", session: "canary-session" } },
    "/then": (seen) =>
      refuseThen
        ? { status: 400, body: { error: "invalid_request", error_description: JSON.stringify(echo(seen)) } }
        : { body: { ok: true } },
    "/api/me": () => ({ body: { id: 1, name: "Ada" } }),
    "/api/echo": (seen) => ({ body: echo(seen) }),
    "/api/things": (seen) => ({ body: echo(seen) }),
    "/api/list": () => ({ body: { items: [1], next: `${odd.url}/other/canary-token/list` } }),
    "/api/revoke": (seen) => ({ status: 400, body: { error: JSON.stringify(echo(seen)) } }),
    "/api/places": ({ headers }) => ({
      body: {
        places: [
          { id: "a", title: headers.authorization },
          { id: "b", title: "B" },
        ],
      },
    }),
    "/request": () => ({ body: "oauth_token=temp&oauth_token_secret=temp-secret&oauth_callback_confirmed=true" }),
    "/authorize": ({ query }) => backTo(callback(), { oauth_token: query.get("oauth_token"), oauth_verifier: "v" }),
    "/access": () => ({ body: "oauth_token=canary-token&oauth_token_secret=canary-token-secret" }),
  });
  product = await startProduct({ connectors: { echoing: manifest(odd.url) } });
  for (const [auth, more] of Object.entries({
    service: { signing_secret: "canary-signing" },
    chosen: { signing_secret: "canary-signing" },
    signed: {},
  })) {
    const saved = await product.put(`/v1/connectors/echoing/apps/${auth}/production`, { ...app, ...more });
    expect([saved.status, saved.text]).toEqual([200, expect.not.stringContaining("canary-")]);
  }
});

afterAll(cleanup);

beforeEach(() => {
  refuseToken = false;
  refuseThen = false;
});

afterEach(() => {
  expect(product.output).not.toContain("canary-");
});

function callback(): string {
  const [last] = odd.at("/request").slice(-1);
  return decodeURIComponent(/oauth_callback="([^"]*)"/.exec(last?.headers.authorization ?? "")?.[1] ?? "");
}

const service = () => draft(product, "echoing", { auth: "service", fields: { pin: "canary-pin" } });

test("A signature is not echoed to a workflow, and what is no secret is", async () => {
  const { id } = await draft(product, "echoing", { auth: "keys", fields: { api_secret: "canary-api-secret" } });
  const { text } = await step(product, id, "echo");
  const signature = createHmac("sha256", "canary-api-secret").update("GET").digest("hex");
  expect(odd.at("/api/echo").at(-1)?.headers["x-signature"]).toBe(signature);
  expect(text).not.toContain(signature);
  expect(text).toContain("GET-known-tag");
});

test("The app's secrets and parts of the token's answer are not echoed to a workflow", async () => {
  const { id, status } = await service();
  expect(status).toBe("connected");
  const { text } = await step(product, id, "echo");
  expect(odd.at("/api/echo").at(-1)?.headers).toMatchObject({ "x-sign": "canary-signing", "x-session": "canary-session" });
  expect(text).toContain("x-sign");
  expect(text).not.toContain("canary-");
  const proxied = await product.get(`/v1/connections/${id}/proxy/echo`);
  expect(proxied.text).toContain("x-sign");
  expect(proxied.text).not.toContain("canary-");
});

test("Both halves of a signed token stay out of the answers", async () => {
  const { id } = await draft(product, "echoing", { auth: "signed" });
  await new Browser().open(await begin(product, id));
  expect(await look(product, id)).toMatchObject({ status: "connected" });
  const { text } = await step(product, id, "echo");
  expect(odd.at("/api/echo").at(-1)?.headers.authorization).toContain("canary-token-secret");
  expect(text).not.toContain("canary-");
});

test("A token endpoint's words hold no field and no secret of the app", async () => {
  refuseToken = true;
  const refused = await service();
  expect(refused.error.message).toContain("x-sign");
  expect(JSON.stringify(refused)).not.toContain("canary-");
});

test("The words of a further exchange hold no secret of the app", async () => {
  refuseThen = true;
  const refused = await draft(product, "echoing", { auth: "chosen" });
  expect(refused.error.message).toContain("secret");
  expect(JSON.stringify(refused)).not.toContain("canary-");
});

test("What there is to choose does not hold the token", async () => {
  const refused = await draft(product, "echoing", { auth: "chosen" });
  expect(refused.error).toMatchObject({ code: "choice_needed" });
  expect(JSON.stringify(refused)).not.toContain("canary-");
});

test("The cursor of a drop-down does not hold the token", async () => {
  const { id } = await service();
  const { json, text } = await product.post(`/v1/connections/${id}/options/things`, {});
  expect(json.next).toContain("redacted");
  expect(text).not.toContain("canary-");
});

test("A page that is refused is named without the token in its address", async () => {
  const { id } = await service();
  const { json, text } = await step(product, id, "elsewhere");
  expect(json.code).toBe("url_not_whitelisted");
  expect(text).not.toContain("canary-");
});

test("The words of a revocation hold no secret", async () => {
  const { id } = await service();
  const { text } = await product.send("DELETE", `/v1/connections/${id}`);
  expect(odd.at("/api/revoke").at(-1)?.json).toMatchObject({ secret: app.client_secret });
  expect(text).not.toContain("canary-");
});
