import { cleanup } from "./harness/cleanup.ts";
import { draft } from "./harness/connect.ts";
import { type Product, startProduct } from "./harness/product.ts";
import { type OddProvider, type Reply, startOddProvider } from "./provider/odd.ts";

// A token whose answer tells no lifetime: the provider is asked when it ends (RFC 7662).

jest.setTimeout(60_000);

let odd: OddProvider;
let product: Product;
let token: object;
let worth: Reply;

const manifest = (url: string) => `manifest: 1
name: quiet
title: Quiet
base_url: ${url}/api
auth:
  service:
    type: oauth2
    grant: client_credentials
    fields: [{ name: team, label: Team }]
    token: { url: ${url}/token }
    refresh: { default_lifetime: 2h }
    introspection: { url: ${url}/introspect, expires_at: ends.at }
    test: { request: { path: /me } }
    label: Service
    unique_id: me.id
`;

beforeAll(async () => {
  odd = await startOddProvider({
    "/token": () => ({ body: { access_token: "canary-token", ...token } }),
    "/introspect": () => worth,
    "/api/me": () => ({ body: { id: 1 } }),
  });
  product = await startProduct({ connectors: { quiet: manifest(odd.url) } });
  const app = { client_id: "id", client_secret: "canary-secret" };
  expect((await product.put("/v1/connectors/quiet/apps/service/production", app)).status).toBe(200);
});

afterAll(cleanup);

beforeEach(() => {
  token = {};
  worth = { body: { active: true, ends: { at: Math.floor(Date.now() / 1000) + 900 }, scope: "read write" } };
  odd.seen.length = 0;
});

/** Whole minutes from now until a connection's token ends. */
const minutesLeft = ({ expires_at }: { expires_at: string | null }) =>
  expires_at === null ? undefined : Math.round((Date.parse(expires_at) - Date.now()) / 60_000);

test("the end and the scopes are asked for, of a first token and of the next one", async () => {
  const connection = await draft(product, "quiet", { auth: "service" });
  expect([minutesLeft(connection), connection.scopes]).toEqual([15, ["read", "write"]]);
  const [asked] = odd.at("/introspect");
  expect(Object.fromEntries(asked?.form ?? [])).toMatchObject({ token: "canary-token", token_type_hint: "access_token" });
  worth = { body: { active: true, ends: { at: Math.floor(Date.now() / 1000) + 1800 } } };
  const refreshed = await product.post(`/v1/connections/${connection.id}/refresh`);
  expect([refreshed.status, minutesLeft(refreshed.json)]).toEqual([200, 30]);
});

test("an answer that tells its lifetime is believed without asking", async () => {
  token = { expires_in: 600 };
  expect(minutesLeft(await draft(product, "quiet", { auth: "service" }))).toBe(10);
  expect(odd.at("/introspect")).toEqual([]);
});

test.each<[string, Reply]>([
  ["refuses", { status: 503, body: { error: "temporarily_unavailable" } }],
  ["does not tell the end", { body: { active: true } }],
  ["answers with something else", { body: "<html>" }],
])("an introspection that %s costs nobody the connection", async (_, reply) => {
  worth = reply;
  const connection = await draft(product, "quiet", { auth: "service" });
  expect([connection.status, minutesLeft(connection)]).toEqual(["connected", 120]);
  expect(odd.at("/introspect").length).toBeGreaterThan(0);
});
