import { Browser } from "./harness/browser.ts";
import { cleanup } from "./harness/cleanup.ts";
import { begin, draft, look, step } from "./harness/connect.ts";
import { type Product, startProduct } from "./harness/product.ts";
import { pause } from "./harness/wait.ts";
import { backTo, type OddProvider, startOddProvider } from "./provider/odd.ts";

// A process that is told to end while a provider is about to answer: the answer is still taken and stored.

jest.setTimeout(120_000);

let odd: OddProvider;
let product: Product;
/** What happens when a refresh token has come, before it is answered. */
let meanwhile: () => void = () => {};
let issued = 0;
const lifetime = 3;

const manifest = (url: string) => `manifest: 1
name: acme
title: Acme
base_url: ${url}
auth:
  oauth:
    type: oauth2
    grant: authorization_code
    authorization: { url: ${url}/authorize }
    token: { url: ${url}/token }
    refresh: { rotation: always }
    test: { request: { path: /me } }
    label: "{{ me.name }}"
    unique_id: me.name
actions: { look: { title: Look, request: { path: /me } } }
`;

beforeAll(async () => {
  odd = await startOddProvider({
    "/authorize": ({ query }) => backTo(query.get("redirect_uri"), { code: "c", state: query.get("state") }),
    "/token": async ({ form }) => {
      if (form.get("grant_type") === "refresh_token") {
        meanwhile();
        await pause(500);
      }
      issued += 1;
      return { body: { access_token: `a${issued}`, refresh_token: `r${issued}`, expires_in: lifetime } };
    },
    "/me": () => ({ body: { name: "Ada" } }),
  });
  product = await startProduct({ connectors: { acme: manifest(odd.url) } });
  await product.put("/v1/connectors/acme/apps/oauth/production", { client_id: "id", client_secret: "canary-client-secret" });
});
afterAll(cleanup);

const sent = () => odd.at("/token").flatMap(({ form }) => form.get("refresh_token") ?? []);

/** Ends the process in order as soon as a refresh token has come; gives its exit code. */
const endWhenAsked = () =>
  new Promise<number | null>((resolve) => {
    meanwhile = () => {
      meanwhile = () => {};
      resolve(product.end("SIGTERM"));
    };
  });

test("a process that is told to end while it serves takes the answer that it waits for", async () => {
  const { id } = await draft(product, "acme");
  await new Browser().open(await begin(product, id));
  const ended = endWhenAsked();
  const refreshed = product.post(`/v1/connections/${id}/refresh`).catch(() => undefined);
  expect(await ended).toBe(0);
  await refreshed;
  await product.start();
  expect(await look(product, id)).toMatchObject({ status: "connected", error: null });
  expect((await step(product, id, "look")).status).toBe(200);
  // None was sent a second time.
  expect(new Set(sent()).size).toBe(sent().length);
});
