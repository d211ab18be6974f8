import { Browser } from "./harness/browser.ts";
import { cleanup } from "./harness/cleanup.ts";
import { begin, draft, look, step } from "./harness/connect.ts";
import { type Product, startProduct } from "./harness/product.ts";
import { backTo, type OddProvider, startOddProvider } from "./provider/odd.ts";

// A refresh of several requests that is interrupted when the first of them has already used up the old refresh token.

jest.setTimeout(60_000);

let odd: OddProvider;
let product: Product;

const manifest = (url: string) => `manifest: 1
name: rotating
title: Rotating
base_url: ${url}/api
auth:
  oauth:
    type: oauth2
    grant: authorization_code
    authorization: { url: ${url}/authorize }
    token:
      url: ${url}/token
      capture: { region: { value: region, pattern: "^[a-z]+$" } }
      then:
        - request: { method: POST, url: ${url}/swap, body: { short: "{{ token.access_token }}" } }
    refresh: { rotation: always }
    revocation: { url: ${url}/revoke }
    test: { request: { path: /me } }
    label: "{{ me.name }}"
    unique_id: me.name
  login:
    type: custom
    fields:
      - { name: user, label: User name, required: true }
      - { name: password, label: User password, secret: true, required: true, help: That of the service user. }
    token:
      request: { method: POST, url: ${url}/login, body: { user: "{{ fields.user }}", password: "{{ fields.password }}" } }
      response: { access_token: session, refresh_token: renewal }
    refresh:
      strategy: refresh_token
      on_invalid_grant: reauthenticate
      request: { method: POST, url: ${url}/renew, body: { renewal: "{{ token.refresh_token }}" } }
      response: { access_token: renewed.session, refresh_token: renewed.renewal }
    test: { request: { path: /me } }
    label: "{{ me.name }}"
    unique_id: me.name
actions:
  look: { title: Look, request: { path: /me }, output: body.as }
`;

/** The only refresh token that the provider takes, and what is wrong with it today. */
let current = 0;
let region = "eu";
let swap: { status?: number; body?: unknown } | undefined;

beforeAll(async () => {
  odd = await startOddProvider({
    "/authorize": ({ query }) => backTo(query.get("redirect_uri"), { code: "c", state: query.get("state") }),
    "/token": ({ form }) => {
      if (form.get("grant_type") === "refresh_token" && form.get("refresh_token") !== `canary-refresh-${current}`)
        return { status: 400, body: { error: "invalid_grant" } };
      current += 1;
      const tokens = { access_token: `canary-short-${current}`, refresh_token: `canary-refresh-${current}` };
      return { body: { ...tokens, expires_in: 3600, region } };
    },
    "/swap": ({ json }) => swap ?? { body: { access_token: `${json.short}-long` } },
    "/login": () => ({ body: { session: "canary-session", renewal: "canary-renewal" } }),
    "/renew": () => ({ status: 400, body: { error: "invalid_grant" } }),
    "/api/me": ({ headers }) => ({ body: { name: "Ada", as: headers.authorization?.length } }),
  });
  product = await startProduct({ connectors: { rotating: manifest(odd.url) } });
  await product.put("/v1/connectors/rotating/apps/oauth/production", { client_id: "id", client_secret: "canary-client-secret" });
});

afterAll(cleanup);

beforeEach(() => {
  odd.seen.length = 0;
  region = "eu";
  swap = undefined;
});

async function connected(): Promise<string> {
  const { id } = await draft(product, "rotating");
  await new Browser().open(await begin(product, id));
  expect(await look(product, id)).toMatchObject({ status: "connected", label: "Ada" });
  return id;
}

const refresh = (id: string) => product.post(`/v1/connections/${id}/refresh`);

test("A refresh token that was replaced is kept although the exchange after it failed", async () => {
  const id = await connected();
  swap = { status: 503 };
  expect((await refresh(id)).status).toBe(502);
  expect((await step(product, id, "look")).status).toBe(200);
  swap = undefined;
  expect(await refresh(id)).toMatchObject({ status: 200, json: { status: "connected", error: null } });
  expect(await look(product, id)).toMatchObject({ status: "connected" });
});

test("A refresh token that was replaced is kept although a capture of its answer is refused", async () => {
  const id = await connected();
  region = "../evil";
  expect((await refresh(id)).json.code).toBe("capture_refused");
  region = "us";
  expect((await refresh(id)).status).toBe(200);
});

test("A login that takes the place of a dead refresh token is read as at first", async () => {
  const fields = { user: "ada", password: "canary-password" };
  const { id, status } = await draft(product, "rotating", { auth: "login", fields });
  expect(status).toBe("connected");
  expect((await refresh(id)).status).toBe(200);
  expect(odd.seen.map(({ path }) => path)).toEqual(["/login", "/api/me", "/renew", "/login"]);
});
