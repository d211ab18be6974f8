import { cleanup } from "./harness/cleanup.ts";
import { draft, step } from "./harness/connect.ts";
import { type Product, startProduct } from "./harness/product.ts";
import { pause, until } from "./harness/wait.ts";
import { type OddProvider, startOddProvider } from "./provider/odd.ts";

// A client's own token belongs to nobody in person: connections of one app share it, and it is asked for once.

jest.setTimeout(60_000);

let odd: OddProvider;
let product: Product;
let issued = 0;
/** The token endpoint answers once this is fulfilled. */
let gate: Promise<void> = Promise.resolve();
let lifetime: number | undefined = 3600;
const refused = new Set<string>();

const manifest = (url: string) => `manifest: 1
name: shared
title: Shared
base_url: ${url}/api
auth:
  service:
    type: oauth2
    grant: client_credentials
    fields: [{ name: region, label: Region, default: eu }]
    audience: "{{ fields.region }}"
    token: { url: ${url}/token }
    test: { request: { path: /me } }
    label: Service
    unique_id: me.id
actions: { list: { title: List, request: { path: /me }, output: body.by } }
`;

beforeAll(async () => {
  odd = await startOddProvider({
    "/token": async () => {
      await gate;
      issued += 1;
      return { body: { access_token: `token-${issued}`, expires_in: lifetime } };
    },
    "/api/me": ({ headers }) => {
      const by = (headers.authorization ?? "").replace("Bearer ", "");
      return refused.has(by) ? { status: 401 } : { body: { id: 1, by: Number(by.replace("token-", "")) } };
    },
  });
  product = await startProduct({ connectors: { shared: manifest(odd.url) } });
});

afterAll(cleanup);

beforeEach(async () => {
  // Another secret is another client: nothing is left of the test before.
  const app = { client_id: "id", client_secret: `canary-secret-${issued}` };
  expect((await product.put("/v1/connectors/shared/apps/service/production", app)).status).toBe(200);
  odd.seen.length = 0;
  refused.clear();
  lifetime = 3600;
});

let people = 0;
const connect = (values: object = {}) => draft(product, "shared", { owner: `person-${++people}`, ...values });
const asked = () => odd.at("/token").length;

/** Connections that are all waiting for the token endpoint when it answers. */
async function together(count: number) {
  let open = () => {};
  gate = new Promise((resolve) => {
    open = resolve;
  });
  const first = people;
  const begun = Array.from({ length: count }, () => connect());
  const stored = async (owner: number) =>
    (await product.get(`/v1/connections?connector=shared&owner=person-${owner}`)).json.items.length === 1;
  for (let n = 1; n <= count; n++) await until("a draft", () => stored(first + n));
  await pause(300);
  open();
  return Promise.all(begun);
}

test("ten connections at once make one token request", async () => {
  const connections = await together(10);
  expect(new Set(connections.map(({ status }) => status))).toEqual(new Set(["connected"]));
  expect(new Set(connections.map(({ id }) => id)).size).toBe(10);
  expect(asked()).toBe(1);
});

test("another audience is another token", async () => {
  await Promise.all([connect(), connect({ fields: { region: "us" } })]);
  expect(
    odd
      .at("/token")
      .map(({ form }) => form.get("audience"))
      .toSorted(),
  ).toEqual(["eu", "us"]);
});

test("a token that the API refuses is replaced once for all that hold it", async () => {
  const connections = await together(5);
  refused.add(`token-${issued}`);
  odd.seen.length = 0;
  const answers = await Promise.all(connections.map(({ id }) => step(product, id, "list")));
  expect(new Set(answers.map(({ json }) => json.output))).toEqual(new Set([issued]));
  expect(asked()).toBe(1);
});

test("who signs in gets a token of now, and it serves those whose own was refused", async () => {
  const first = await connect();
  const old = `token-${issued}`;
  await connect();
  expect(asked()).toBe(2);
  refused.add(old);
  expect((await step(product, first.id, "list")).json.output).toBe(issued);
  expect(asked()).toBe(2);
});

test("a token whose end is not told is not kept for others", async () => {
  lifetime = undefined;
  const first = await connect();
  const old = `token-${issued}`;
  await connect();
  refused.add(old);
  expect((await step(product, first.id, "list")).json.output).toBe(issued);
  expect(asked()).toBe(3);
});

test("who asks for a new token by hand gets one", async () => {
  const { id } = await connect();
  expect((await product.post(`/v1/connections/${id}/refresh`)).status).toBe(200);
  expect(asked()).toBe(2);
});
