import { createHmac } from "node:crypto";
import { Browser } from "./harness/browser.ts";
import { cleanup } from "./harness/cleanup.ts";
import { begin, connect, draft, events, look, oauthManifest, saveApp, step } from "./harness/connect.ts";
import { heard } from "./harness/http.ts";
import { checkAnswers } from "./harness/openapi.ts";
import { type Product, startProduct } from "./harness/product.ts";
import { startProvider } from "./harness/provider.ts";
import { until } from "./harness/wait.ts";
import { backTo, type OddProvider, type Reply, type Seen, startOddProvider } from "./provider/odd.ts";

// App credentials through their whole life: replaced, rotated, refused, deleted, while connections live by them.

jest.setTimeout(90_000);

let odd: OddProvider;
let product: Product;

/** Client id → the secrets that the provider takes. */
let clients: Map<string, readonly string[]>;
/** Refresh token → the client and the account that it was given to. */
let owners: Map<string, { readonly client: string; readonly account: string }>;
/** Access tokens that the API takes, and whose they are. */
let valid: Map<string, string>;
let count = 0;
/** Who signs in at the provider. Default: somebody new each time. */
let person: string | undefined;
let expires_in = 3600;

const oauth = (url: string, more = "") => `
    type: oauth2
    grant: authorization_code
    authorization: { url: ${url}/authorize }
    token: { url: ${url}/token }
    revocation: { url: ${url}/revoke }
    test: { request: { path: /me } }
    label: "{{ me.id }}"
    unique_id: me.id
${more}`;

const manifest = (url: string, name: string, more = "") => `manifest: 1
name: ${name}
title: ${name}
base_url: ${url}/api
auth:
  oauth:${oauth(url, more)}actions:
  look: { title: Look, request: { path: /me }, output: body.id }
`;

const shops = (url: string) => `manifest: 1
name: shops
title: Shops
base_url: ${url}/api
auth:
  oauth:${oauth(url).replace(`token: { url: ${url}/token }`, `token: { url: "${url}/shops/{{ fields.shop }}/token" }`).trimEnd()}
    fields: [{ name: shop, label: Shop, required: true, pattern: "^[a-z]+$" }]
actions:
  look: { title: Look, request: { path: /me }, output: body.id }
`;

const withField = (url: string, name: string, field: string, more: (text: string) => string) =>
  more(manifest(url, name)).replace("actions:", `    fields: [${field}]\nactions:`);

/** The user decides on a parameter of the token request. */
const tenants = (url: string) =>
  withField(url, "tenants", '{ name: tenant, label: Tenant, required: true, pattern: "^[a-z]+$" }', (text) =>
    text.replace("/token }", '/token, params: { tenant: "{{ fields.tenant }}" } }'),
  );

/** The user decides on how the client proves itself. */
const provers = (url: string) =>
  withField(
    url,
    "provers",
    "{ name: way, label: Way, type: select, required: true, options: [{ value: client_secret_post, label: Post }, { value: client_secret_basic, label: Basic }] }",
    (text) => text.replace("grant:", 'client: { authentication: "{{ fields.way }}" }\n    grant:'),
  );

const own = (url: string) => `manifest: 1
name: own
title: Own
base_url: ${url}/api
auth:
  service:
    type: oauth2
    grant: client_credentials
    client: { source: connection }
    token: { url: ${url}/token }
    test: { request: { path: /me } }
    label: Service
    unique_id: me.id
actions:
  look: { title: Look, request: { path: /me }, output: body.id }
`;

/** The user may bring a client; who does not, uses the admin's. */
const either = (url: string) => own(url).replace("name: own", "name: either").replace("source: connection", "source: either");

const environments = (url: string) => `manifest: 1
name: twofold
title: Twofold
base_url: "{{ env.host }}/api"
environments: { production: { host: "${url}/live" }, sandbox: { host: "${url}/play" } }
auth:
  service:
    type: oauth2
    grant: client_credentials
    token: { url: "{{ env.host }}/token" }
    refresh: { strategy: reissue }
    revocation: { url: "{{ env.host }}/revoke" }
    test: { request: { path: /me } }
    label: Service
    unique_id: me.id
actions:
  look: { title: Look, request: { path: /me }, output: body.id }
`;

/** The client that a request was made with, which must prove itself in exactly one way. */
function clientOf({ form, headers }: Seen): string | undefined {
  if (headers.authorization !== undefined || form.getAll("client_secret").length !== 1) return undefined;
  const id = form.get("client_id") ?? "";
  return clients.get(id)?.includes(form.get("client_secret") ?? "") ? id : undefined;
}

function token(seen: Seen): Reply {
  const client = clientOf(seen);
  if (client === undefined)
    return { status: 401, body: { error: "invalid_client", error_description: "The client secret has ended." } };
  const given = seen.form.get("refresh_token");
  const owner = given === null ? { client, account: seen.form.get("code") ?? `service-${client}` } : owners.get(given);
  if (owner?.client !== client) return { status: 400, body: { error: "invalid_grant" } };
  count += 1;
  const refresh_token = given ?? `canary-refresh-${count}`;
  const access_token = `canary-access-${count}`;
  owners.set(refresh_token, owner);
  valid.set(access_token, owner.account);
  return { body: { access_token, refresh_token, expires_in } };
}

const me = ({ headers }: Seen): Reply => {
  const given = headers.authorization?.replace("Bearer ", "") ?? "";
  const id = valid.get(given);
  return id === undefined ? { status: 401, body: { error: "expired" } } : { body: { id } };
};

beforeAll(async () => {
  odd = await startOddProvider({
    "/authorize": ({ query }) => {
      count += 1;
      const back: Record<string, string> = { code: person ?? `person-${count}`, state: query.get("state") ?? "" };
      const text = Object.entries(back).map(([name, value]) => `${name}=${value}`);
      const hmac = createHmac("sha256", "canary-signing-with").update(text.join("&")).digest("hex");
      return backTo(query.get("redirect_uri"), { ...back, hmac });
    },
    "/token": token,
    "/shops/good/token": token,
    "/shops/bad/token": token,
    "/live/token": token,
    "/play/token": token,
    "/revoke": () => ({}),
    "/live/revoke": () => ({}),
    "/play/revoke": () => ({}),
    "/api/me": me,
    "/live/api/me": me,
    "/play/api/me": me,
  });
  product = await startProduct({
    connectors: {
      acme: manifest(odd.url, "acme"),
      signed: manifest(odd.url, "signed", "    callback: { verify: { param: hmac } }\n"),
      shops: shops(odd.url),
      tenants: tenants(odd.url),
      provers: provers(odd.url),
      own: own(odd.url),
      either: either(odd.url),
      twofold: environments(odd.url),
    },
  });
});
afterAll(cleanup);

const place = (connector = "acme", auth = "oauth", environment = "production") =>
  `/v1/connectors/${connector}/apps/${auth}/${environment}`;

async function save(values: object, at = place()) {
  const answer = await product.put(at, values);
  expect({ status: answer.status, ...answer.json }).toMatchObject({ status: 200 });
  return answer.json;
}

const app = async (at = place()) => (await product.get(at)).json;
const appEvents = async (at = place()): Promise<{ type: string; actor: string; app: { client_id: string } }[]> =>
  (await product.get(`${at}/events`)).json.items;
const typesOf = async (at = place()) => (await appEvents(at)).map(({ type }) => type);
const refresh = (id: string) => product.post(`/v1/connections/${id}/refresh`);
const sent = (path = "/token") => odd.at(path).map(({ form }) => [form.get("client_id"), form.get("client_secret")]);
const forget = () => {
  odd.seen.length = 0;
};

async function signIn(connector = "acme", fields?: object): Promise<string> {
  const { id } = await draft(product, connector, fields === undefined ? {} : { fields });
  await new Browser().open(await begin(product, id));
  expect(await look(product, id)).toMatchObject({ status: "connected", error: null });
  return id;
}

beforeEach(async () => {
  clients = new Map([
    ["first", ["canary-secret-1"]],
    ["second", ["canary-secret-2"]],
  ]);
  owners = new Map();
  valid = new Map();
  person = undefined;
  expires_in = 3600;
  forget();
});

afterEach(async () => {
  for (const { id } of (await product.get("/v1/connections?limit=100")).json.items)
    await product.send("DELETE", `/v1/connections/${id}`);
  for (const at of [place(), place("signed"), ...["shops", "tenants", "provers"].map((name) => place(name))])
    await product.send("DELETE", `${at}?force=true`);
});

describe("another client", () => {
  test("is for new sign-ins; what was made with the one before goes on with that, and ends with it", async () => {
    await save({ client_id: "first", client_secret: "canary-secret-1" });
    const leaving = await signIn();
    person = "ada";
    const old = await signIn();
    person = undefined;
    const changed = await save({ client_id: "second", client_secret: "canary-secret-2" });
    expect(changed).toMatchObject({
      client_id: "second",
      connections: 0,
      former: [{ client_id: "first", connections: 2, since: changed.updated_at }],
    });
    const made = (await product.get("/v1/connections?connector=acme&auth=oauth&client_id=first")).json.items;
    expect(made.map(({ id }: { id: string }) => id)).toEqual([old, leaving]);
    expect((await look(product, old)).client_id).toBe("first");
    forget();
    expect((await refresh(old)).status).toBe(200);
    expect(sent()).toEqual([["first", "canary-secret-1"]]);
    forget();
    const fresh = await signIn();
    expect((await refresh(fresh)).status).toBe(200);
    expect(sent()).toEqual(Array(2).fill(["second", "canary-secret-2"]));
    expect(await app()).toMatchObject({ connections: 1, former: [{ client_id: "first", connections: 2 }] });
    // Disconnecting tells the provider as the client that the token was given to.
    expect((await product.send("DELETE", `/v1/connections/${leaving}`)).status).toBe(204);
    expect(sent("/revoke").at(-1)).toEqual(["first", "canary-secret-1"]);
    // Reconnecting is a new sign-in: with the last connection of it, the former client goes.
    person = "ada";
    forget();
    await new Browser().open(await begin(product, old));
    expect(sent()).toEqual([["second", "canary-secret-2"]]);
    forget();
    expect((await refresh(old)).status).toBe(200);
    expect(sent()).toEqual([["second", "canary-secret-2"]]);
    expect(await app()).toMatchObject({ client_id: "second", former: [] });
  });

  test("does not take over a sign-in that was begun with the one before", async () => {
    await save({ client_id: "first", client_secret: "canary-secret-1" });
    const { id } = await draft(product, "acme");
    const url = await begin(product, id);
    await save({ client_id: "second", client_secret: "canary-secret-2" });
    await new Browser().open(url);
    expect(await look(product, id)).toMatchObject({ status: "connected" });
    expect(sent()).toEqual([["first", "canary-secret-1"]]);
    expect(await app()).toMatchObject({ former: [{ client_id: "first", connections: 1 }] });
  });

  test("can be taken back with the secret that is kept, and then nobody is former", async () => {
    await save({ client_id: "first", client_secret: "canary-secret-1" });
    const id = await signIn();
    await save({ client_id: "second", client_secret: "canary-secret-2" });
    expect(await save({ client_id: "first" })).toMatchObject({ client_id: "first", connections: 1, former: [] });
    forget();
    expect((await refresh(id)).status).toBe(200);
    expect(sent()).toEqual([["first", "canary-secret-1"]]);
  });
});

describe("deleting an app", () => {
  test("that connections live by is refused, and forced it leaves them working until they need it", async () => {
    await save({ client_id: "first", client_secret: "canary-secret-1" });
    const id = await signIn();
    await save({ client_id: "second", client_secret: "canary-secret-2" });
    const other = await signIn();
    const refused = await product.send("DELETE", place());
    expect(refused).toMatchObject({ status: 409, json: { code: "app_in_use", connections: 2 } });
    expect((await app()).client_id).toBe("second");
    expect((await product.send("DELETE", `${place()}?force=true`)).status).toBe(204);
    forget();
    expect((await step(product, id, "look")).status).toBe(200);
    expect(await refresh(id)).toMatchObject({ status: 409, json: { code: "app_not_configured" } });
    expect(await look(product, id)).toMatchObject({ status: "connected", error: { code: "app_not_configured" } });
    // Another app is none of theirs, and says so; their own one is.
    await save({ client_id: "second", client_secret: "canary-secret-2" });
    const unknown = await refresh(id);
    expect(unknown).toMatchObject({ status: 409, json: { code: "app_not_configured" } });
    expect(unknown.json.detail).toContain("client first");
    expect((await refresh(other)).status).toBe(200);
    await save({ client_id: "first", client_secret: "canary-secret-1" });
    await until("the refresh that waited", async () => (await look(product, id)).error === null);
    expect(sent().at(-1)).toEqual(["first", "canary-secret-1"]);
    expect(await typesOf()).toContain("app.deleted");
  });

  test("that nobody uses any more needs no force", async () => {
    await save({ client_id: "first", client_secret: "canary-secret-1" });
    await product.send("DELETE", `/v1/connections/${await signIn()}`);
    expect((await product.send("DELETE", place())).status).toBe(204);
  });
});

describe("a new secret", () => {
  test("that the provider does not know yet leaves the one before at work, and the admin is told once", async () => {
    await save({ client_id: "first", client_secret: "canary-secret-1" });
    const id = await signIn();
    const rotated = await save({ client_id: "first", client_secret: "canary-secret-new" });
    const days = (Date.parse(rotated.previous_secret_until) - Date.now()) / 86_400_000;
    expect([Math.round(days), rotated.previous_secret_used, rotated.former]).toEqual([7, false, []]);
    forget();
    expect((await refresh(id)).status).toBe(200);
    expect((await refresh(id)).status).toBe(200);
    const both = [
      ["first", "canary-secret-new"],
      ["first", "canary-secret-1"],
    ];
    expect(sent()).toEqual([...both, ...both]);
    expect(await app()).toMatchObject({ previous_secret_used: true, paused_until: null });
    expect((await typesOf()).filter((type) => type === "app.previous_secret_used")).toHaveLength(1);
    // Sign-ins and revocations live by it as well.
    await product.send("DELETE", `/v1/connections/${await signIn()}`);
    // From the day that the provider takes the new one, nothing else is sent.
    clients.set("first", ["canary-secret-new"]);
    forget();
    expect((await refresh(id)).status).toBe(200);
    expect(sent()).toEqual([["first", "canary-secret-new"]]);
  });

  test("that never worked does not drive out the one before it that does", async () => {
    await save({ client_id: "first", client_secret: "canary-secret-1" });
    const id = await signIn();
    await save({ client_id: "first", client_secret: "canary-mistyped" });
    expect((await refresh(id)).status).toBe(200);
    await save({ client_id: "first", client_secret: "canary-secret-new" });
    expect((await refresh(id)).status).toBe(200);
    expect(sent().at(-1)).toEqual(["first", "canary-secret-1"]);
  });

  test("replaces the one before at once where the admin says so", async () => {
    await save({ client_id: "first", client_secret: "canary-secret-1" });
    const id = await signIn();
    await save({ client_id: "first", client_secret: "canary-secret-new" });
    expect(await save({ client_id: "first", keep_previous: false })).toMatchObject({ previous_secret_until: null });
    forget();
    expect((await refresh(id)).json.code).toBe("client_refused");
    expect(sent()).toEqual([["first", "canary-secret-new"]]);
  });

  test("and the one before may both have signed a callback", async () => {
    clients.set("first", ["canary-signing-with", "canary-signing-new"]);
    await save({ client_id: "first", client_secret: "canary-signing-with" }, place("signed"));
    await signIn("signed");
    await save({ client_id: "first", client_secret: "canary-signing-new" }, place("signed"));
    await signIn("signed");
    await save({ client_id: "first", keep_previous: false }, place("signed"));
    const { id } = await draft(product, "signed");
    await new Browser().open(await begin(product, id));
    expect(await look(product, id)).toMatchObject({ error: { code: "signature_invalid" } });
  });

  test("is rotated at a real authorization server without a gap", async () => {
    const provider = await startProvider();
    const real = await startProduct({ connectors: { real: oauthManifest(provider, { name: "real" }) } });
    await saveApp(real, provider, "real", { id: "real-client", secret: "canary-real-secret-1" });
    const { id } = await connect(real, "real");
    const renew = () => real.post(`/v1/connections/${id}/refresh`);
    expect((await real.put(place("real"), { client_id: "real-client", client_secret: "canary-real-2" })).status).toBe(200);
    expect((await renew()).status).toBe(200);
    expect(await provider.tokenRequests("refresh_token")).toHaveLength(2);
    await saveApp(real, provider, "real", { id: "real-client", secret: "canary-real-2" });
    expect((await renew()).status).toBe(200);
    expect(await provider.tokenRequests("refresh_token")).toHaveLength(3);
    // Changed at the provider, and not here: neither secret is taken any more.
    const redirect_uris = [`${real.url}/oauth/callback/real`];
    const client_secret = "canary-real-secret-3";
    const token_endpoint_auth_method = "client_secret_basic";
    await provider.client({ client_id: "real-client", client_secret, token_endpoint_auth_method, redirect_uris });
    expect(await renew()).toMatchObject({ status: 502, json: { code: "client_refused" } });
    expect((await real.get(place("real"))).json).toMatchObject({ error: { provider: { error: "invalid_client" } } });
    expect((await step(real, id, "list_items")).status).toBe(200);
    await real.put(place("real"), { client_id: "real-client", client_secret });
    expect((await renew()).status).toBe(200);
  });
});

describe("a provider that refuses the app", () => {
  const many = 8;

  test("is asked once for all of its connections; none is blamed, and saving the app sets all of them going", async () => {
    const earlier = (await typesOf()).length;
    await save({ client_id: "first", client_secret: "canary-secret-1" });
    const ids: string[] = [];
    for (let n = 0; n < many; n += 1) ids.push(await signIn());
    const [working = "", ...ended] = ids;
    const kept = valid;
    // The secret has ended, and all tokens but one with it.
    clients.set("first", ["canary-secret-new"]);
    const tokenOf = odd.at("/api/me").map(({ headers }) => headers.authorization?.replace("Bearer ", "") ?? "");
    valid = new Map([...kept].filter(([text]) => text === tokenOf[0]));
    forget();
    const answers = await Promise.all(ended.map((id) => step(product, id, "look")));
    for (const answer of answers) {
      expect(answer).toMatchObject({ status: 502, json: { code: "client_refused", provider: { error: "invalid_client" } } });
      expect(answer.json.detail).toContain("The client secret has ended.");
      expect(answer.json.hint).toContain('"production"');
      expect(Number(answer.headers["retry-after"])).toBeGreaterThan(60);
    }
    expect(sent()).toHaveLength(1);
    expect((await step(product, working, "look")).status).toBe(200);
    for (const id of ids) expect((await refresh(id)).json.code).toBe("client_refused");
    expect(sent()).toHaveLength(1);
    for (const id of ids) expect((await look(product, id)).status).toBe("connected");
    const paused = await app();
    expect(paused).toMatchObject({ connections: many, error: { code: "client_refused", provider: { status: 401 } } });
    expect(Date.parse(paused.paused_until)).toBeGreaterThan(Date.now());
    expect((await typesOf()).slice(0, -earlier || undefined)).toEqual(["app.refused", "app.saved"]);
    expect(await appEvents()).toContainEqual(
      expect.objectContaining({ type: "app.refused", actor: "system", code: "client_refused" }),
    );

    await save({ client_id: "first", client_secret: "canary-secret-new" });
    expect(await app()).toMatchObject({ paused_until: null, error: null });
    const refreshed = async (id: string) => (await events(product, id)).some(({ type }) => type === "refreshed");
    await until("the refreshes that waited", async () => (await Promise.all(ids.map(refreshed))).every(Boolean));
    for (const id of ids) expect((await step(product, id, "look")).status).toBe(200);
    expect((await typesOf()).slice(0, 2).toSorted()).toEqual(["app.resumed", "app.secret_rotated"]);
  });

  test("still lets people sign in, and one who is served shows that it takes the app again", async () => {
    await save({ client_id: "first", client_secret: "canary-secret-1" });
    const id = await signIn();
    clients.set("first", []);
    expect((await refresh(id)).json.code).toBe("client_refused");
    const { id: second } = await draft(product, "acme");
    await new Browser().open(await begin(product, second));
    const failed = await look(product, second);
    expect(failed).toMatchObject({ status: "error", error: { code: "client_refused" } });
    expect(failed.error.hint).toContain('environment "production"');
    clients.set("first", ["canary-secret-1"]);
    expect((await refresh(id)).json.code).toBe("client_refused");
    await signIn();
    expect(await app()).toMatchObject({ paused_until: null, error: null });
    expect((await typesOf()).filter((type) => /refused|resumed/.test(type)).slice(0, 2)).toEqual(["app.resumed", "app.refused"]);
    expect((await refresh(id)).status).toBe(200);
  });

  test("of one connection's own client refuses that connection alone", async () => {
    const make = async (id: string) => {
      const fields = { client_id: id, client_secret: `canary-secret-${id === "first" ? 1 : 2}` };
      return (await product.post("/v1/connections", { connector: "own", fields })).json.id as string;
    };
    const [one, two] = [await make("first"), await make("second")];
    clients.set("first", []);
    expect(await refresh(one)).toMatchObject({ json: { code: "client_refused" } });
    expect(await look(product, one)).toMatchObject({ status: "connected", error: { code: "client_refused" } });
    expect((await refresh(two)).status).toBe(200);
  });

  test.each<[string, string, object, object]>([
    ["an address", "shops", { shop: "good" }, { shop: "bad" }],
    ["a request", "tenants", { tenant: "good" }, { tenant: "bad" }],
    ["a client authentication", "provers", { way: "client_secret_post" }, { way: "client_secret_post" }],
  ])("%s that the user decides on speaks for nobody else", async (_what, connector, ...fields) => {
    await save({ client_id: "first", client_secret: "canary-secret-1" }, place(connector));
    const [good, bad] = [await signIn(connector, fields[0]), await signIn(connector, fields[1])];
    clients.set("first", []);
    expect((await refresh(bad)).json.code).toBe("client_refused");
    clients.set("first", ["canary-secret-1"]);
    expect(await app(place(connector))).toMatchObject({ paused_until: null });
    expect((await refresh(good)).status).toBe(200);
  });
});

test("the apps of two environments never meet: each request carries its own one's credentials", async () => {
  clients.set("live", ["canary-live-secret"]).set("play", ["canary-play-secret"]);
  const at = (environment: string) => place("twofold", "service", environment);
  await save({ client_id: "live", client_secret: "canary-live-secret" }, at("production"));
  await save({ client_id: "play", client_secret: "canary-play-secret" }, at("sandbox"));
  const ids: string[] = [];
  for (const environment of ["production", "sandbox"]) {
    const { id, status } = await draft(product, "twofold", { environment });
    expect(status).toBe("connected");
    expect((await refresh(id)).status).toBe(200);
    expect((await step(product, id, "look")).status).toBe(200);
    ids.push(id);
  }
  // The sandbox's app is given up: production does not notice, and lends it nothing.
  await product.send("DELETE", `${at("sandbox")}?force=true`);
  expect((await refresh(ids[1] ?? "")).json.code).toBe("app_not_configured");
  expect((await refresh(ids[0] ?? "")).status).toBe(200);
  for (const id of ids) await product.send("DELETE", `/v1/connections/${id}`);
  const texts = (part: string) =>
    odd.seen
      .filter(({ path }) => path.startsWith(part))
      .map(({ target, body, headers }) => `${target} ${body} ${JSON.stringify(headers)}`);
  expect(texts("/live/").length).toBeGreaterThan(5);
  expect(texts("/play/").length).toBeGreaterThan(3);
  expect(texts("/live/").join("\n")).not.toContain("play-secret");
  expect(texts("/play/").join("\n")).not.toContain("live-secret");
  await product.send("DELETE", at("production"));
});

test("A user's own client is used in place of the admin's where the manifest allows either", async () => {
  await save({ client_id: "first", client_secret: "canary-secret-1" }, place("either", "service"));
  const ours = await draft(product, "either", { owner: "without" });
  const fields = { client_id: "second", client_secret: "canary-secret-2" };
  const theirs = await draft(product, "either", { owner: "with", fields });
  expect([ours.status, theirs.status]).toEqual(["connected", "connected"]);
  expect(sent()).toEqual([
    ["first", "canary-secret-1"],
    ["second", "canary-secret-2"],
  ]);
  forget();
  for (const { id } of [ours, theirs]) expect((await refresh(id)).status).toBe(200);
  expect(sent()).toEqual([
    ["first", "canary-secret-1"],
    ["second", "canary-secret-2"],
  ]);
});

describe("what is saved", () => {
  test("may be as short and as long as providers make it", async () => {
    for (const length of [1, 4096]) {
      const client_id = "i".repeat(length);
      const client_secret = "=".repeat(length);
      clients.set(client_id, [client_secret]);
      expect(await save({ client_id, client_secret })).toMatchObject({ client_id, secret_set: true });
      expect((await app()).client_id).toBe(client_id);
      forget();
      await signIn();
      expect(sent()).toEqual([[client_id, client_secret]]);
    }
    const values = { client_id: "x".repeat(4097), client_secret: "canary-secret-1" };
    expect(await product.put(place(), values)).toMatchObject({ status: 400, json: { field: "client_id" } });
  });

  test.each([
    ["client_id", " first"],
    ["client_secret", "canary-secret-1\n"],
    ["client_secret", "\tcanary-secret-1"],
    ["signing_secret", "canary-signing "],
  ])("has no white space around it: %s", async (name, value) => {
    const values = { client_id: "first", client_secret: "canary-secret-1", [name]: value };
    const answer = await product.put(place(), values);
    expect(answer).toMatchObject({ status: 422, json: { code: "whitespace_in_credential", field: name } });
  });

  test("and a connection's own client has none either", async () => {
    const fields = { client_id: "first ", client_secret: "canary-secret-1" };
    const answer = await product.post("/v1/connections", { connector: "own", fields });
    expect(answer).toMatchObject({ status: 422, json: { code: "whitespace_in_credential", field: "client_id" } });
  });

  test.each(["2026-02-30", "tomorrow", "2026-1-1"])("ends on a day that there is, which %s is not", async (expires_on) => {
    const answer = await product.put(place(), { client_id: "first", client_secret: "canary-secret-1", expires_on });
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.json).toMatchObject({ field: "expires_on" });
  });

  test("is told when it ends within a month, once, and a new secret has another end", async () => {
    const soon = new Date(Date.now() + 10 * 86_400_000).toISOString().slice(0, 10);
    const first = await save({ client_id: "first", client_secret: "canary-secret-1", expires_on: soon });
    expect(first.expires_on).toBe(soon);
    await save({ client_id: "first" });
    expect((await typesOf()).filter((type) => type === "app.expiring")).toHaveLength(1);
    expect(await save({ client_id: "first", client_secret: "canary-secret-new" })).toMatchObject({ expires_on: null });
    expect((await save({ client_id: "first", expires_on: soon })).expires_on).toBe(soon);
    expect((await save({ client_id: "first", expires_on: null })).expires_on).toBeNull();
  });

  test("is logged with its actor, page by page, and saving the same again is no news", async () => {
    const at = place("twofold", "service", "sandbox");
    const before = (await appEvents(at)).length;
    for (let n = 0; n < 3; n += 1) await save({ client_id: `c${n}`, client_secret: "canary-secret-x" }, at);
    await save({ client_id: "c2", client_secret: "canary-secret-x" }, at);
    const all = await appEvents(at);
    expect(all.slice(0, 3).map(({ type, app: { client_id } }) => [type, client_id])).toEqual([
      ["app.saved", "c2"],
      ["app.saved", "c1"],
      ["app.saved", "c0"],
    ]);
    expect(all).toHaveLength(before + 3);
    expect(all[0]?.actor).toMatch(/^key\//);
    const first = (await product.get(`${at}/events?limit=2`)).json;
    const second = (await product.get(`${at}/events?limit=2&cursor=${first.next}`)).json;
    expect([...first.items, ...second.items]).toEqual(all.slice(0, 4));
    await product.send("DELETE", at);
  });
});

test("every answer that was given here fits the OpenAPI document, and no secret stands in any", async () => {
  const answers = heard.filter((answer) => answer.origin === product.url);
  expect(checkAnswers((await product.get("/openapi.json")).json, answers)).toEqual([]);
  for (const { body } of answers)
    expect(body.toString()).not.toMatch(/canary-(secret|mistyped|signing|live|play|access|refresh)/);
});
