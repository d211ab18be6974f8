import { createHash } from "node:crypto";
import { atCallback, Browser } from "./harness/browser.ts";
import { cleanup } from "./harness/cleanup.ts";
import { awkward, begin, connect, draft, events, look, oauthManifest, saveApp, step } from "./harness/connect.ts";
import { type Answer, heard, send } from "./harness/http.ts";
import { checkAnswers } from "./harness/openapi.ts";
import { type Product, startProduct } from "./harness/product.ts";
import { type Provider, startProvider } from "./harness/provider.ts";
import { startListener } from "./provider/listener.ts";

jest.setTimeout(60_000);

let provider: Provider;
let product: Product;

beforeAll(async () => {
  provider = await startProvider();
  product = await startProduct({
    connectors: {
      acme: oauthManifest(provider, { name: "acme" }),
      beta: oauthManifest(provider, { name: "beta", title: "Beta" }),
      posted: oauthManifest(provider, { name: "posted", authentication: "client_secret_post" }),
      strict: oauthManifest(provider, { name: "strict", auth: "    callback: { issuer: required }\n" }),
      rejecting: oauthManifest(provider, { name: "rejecting" }).replace(
        "unique_id: me.id",
        "unique_id: { value: me.id, on_conflict: reject }",
      ),
      unsaved: oauthManifest(provider, { name: "unsaved" }),
    },
  });
  for (const name of ["acme", "beta", "strict", "rejecting"]) await saveApp(product, provider, name);
  await saveApp(product, provider, "posted", { authentication: "client_secret_post" });
});
afterAll(cleanup);

beforeEach(() => provider.reset());
afterEach(async () => {
  for (const { id } of (await product.get("/v1/connections?limit=100")).json.items)
    await product.send("DELETE", `/v1/connections/${id}`);
});

/** Signs in up to the moment before the browser opens our redirect URL. */
async function upToCallback(connector: string, person: { as?: "ada" | "alan" } = {}) {
  const browser = new Browser();
  const { id } = await draft(product, connector);
  const { url } = await browser.signIn(await begin(product, id), { ...person, stop: atCallback });
  expect(atCallback(url)).toBe(true);
  return { id, browser, callback: url };
}

const codeOf = (answer: Answer | undefined) => {
  expect(answer?.headers["content-type"]).toMatch(/^application\/problem\+json/);
  return answer?.json.code;
};

const asProgram = { headers: { accept: "application/json" } };

describe("a sign-in with code and PKCE", () => {
  test("reaches `connected`, with the label and the unique id that the manifest makes of the test's answer", async () => {
    const { connection } = await connect(product, "acme");
    expect(connection).toMatchObject({
      connector: "acme",
      auth: "oauth",
      environment: "production",
      status: "connected",
      label: "Ada Lovelace's Acme",
      unique_id: "acct-1815",
      missing_scopes: [],
      renewable: true,
      error: null,
      last_test: { outcome: "passed", status: 200 },
    });
    expect([...connection.scopes].sort()).toEqual(["read", "write"]);
    const left = Date.parse(connection.expires_at) - Date.now();
    expect(left).toBeGreaterThan(3500_000);
    expect(left).toBeLessThanOrEqual(3600_000);
  });

  test("sends exactly the parameters of RFC 6749 and RFC 7636, and the same redirect URL twice, byte for byte", async () => {
    await connect(product, "acme");
    const [authorization] = await provider.log("/auth");
    const [token, ...more] = await provider.log("/token");
    expect(more).toEqual([]);
    const asked = new URLSearchParams(authorization?.target.split("?")[1]);
    expect([...asked.keys()].sort()).toEqual(
      ["client_id", "code_challenge", "code_challenge_method", "redirect_uri", "response_type", "scope", "state"].sort(),
    );
    const told = new URLSearchParams(token?.body);
    expect([...told.keys()].sort()).toEqual(["code", "code_verifier", "grant_type", "redirect_uri"]);
    expect(asked.get("redirect_uri")).toBe(`${product.url}/oauth/callback/acme`);
    expect(told.get("redirect_uri")).toBe(asked.get("redirect_uri"));
    expect(asked.get("scope")).toBe("read write");
    expect(asked.get("code_challenge_method")).toBe("S256");
    expect(told.get("code_verifier")).toMatch(/^[A-Za-z0-9._~-]{43,128}$/);
    expect(
      createHash("sha256")
        .update(told.get("code_verifier") ?? "")
        .digest("base64url"),
    ).toBe(asked.get("code_challenge"));
    // 256 bits in base64url.
    expect(asked.get("state")).toMatch(/^[A-Za-z0-9_-]{43,}$/);
    expect(token?.headers["content-type"]).toMatch(/^application\/x-www-form-urlencoded/);
    expect(token?.headers.accept).toContain("application/json");
  });

  test("form-encodes client ID and secret in the Basic header, and puts them nowhere else", async () => {
    await connect(product, "acme");
    const [token] = await provider.log("/token");
    const form = (text: string) => new URLSearchParams({ "": text }).toString().slice(1);
    const basic = Buffer.from(token?.headers.authorization?.replace(/^Basic /, "") ?? "", "base64").toString();
    expect(basic).toBe(`${form(`${awkward.id}-acme`)}:${form(awkward.secret)}`);
    expect(token?.target).toBe("/token");
  });

  test("posts client ID and secret where the manifest says so, and sends no header", async () => {
    const { connection } = await connect(product, "posted");
    expect(connection.status).toBe("connected");
    const [token] = await provider.log("/token");
    const told = new URLSearchParams(token?.body);
    expect(told.get("client_id")).toBe(`${awkward.id}-posted`);
    expect(told.get("client_secret")).toBe(awkward.secret);
    expect(token?.headers.authorization).toBeUndefined();
  });

  test("never makes one state or one verifier twice", async () => {
    const first = await upToCallback("acme");
    const second = await upToCallback("acme");
    expect(first.callback.searchParams.get("state")).not.toBe(second.callback.searchParams.get("state"));
    const [a, b] = (await provider.log("/auth")).map((seen) => seen.query.code_challenge);
    expect(a).not.toBe(b);
  });

  test("leads the browser from the redirect URL to a clean address that tells nobody where it came from", async () => {
    const { browser, callback } = await upToCallback("acme");
    const answer = await browser.send(callback);
    expect(answer.status).toBe(303);
    expect(answer.headers["cache-control"]).toBe("no-store");
    expect(answer.headers["referrer-policy"]).toBe("no-referrer");
    const next = new URL(answer.headers.location ?? "", callback);
    expect(next.origin).toBe(product.url);
    for (const name of ["code", "state", "iss"]) expect(String(next)).not.toContain(callback.searchParams.get(name));
    const page = await browser.send(next);
    expect(page.status).toBe(200);
    expect(page.headers["content-type"]).toMatch(/^text\/html/);
  });

  test("notes what happened, and who did it, in the connection's log", async () => {
    const { id } = await connect(product, "acme");
    const types = (await events(product, id)).map((event) => event.type).reverse();
    expect(types).toEqual(["created", "authorization_started", "tested", "authorized"]);
  });

  test("shows a name with markup as text", async () => {
    const { connection, visit } = await connect(product, "acme", { as: "eve" });
    expect(connection.label).toBe("<img src=x onerror=alert(1)>Eve's Acme");
    expect(visit.answer?.text).not.toContain("<img src=x");
  });

  test("lets two parallel sign-ins of one person in one browser both end well", async () => {
    const browser = new Browser();
    const one = await draft(product, "acme");
    const two = await draft(product, "beta");
    const first = await browser.signIn(await begin(product, one.id), { stop: atCallback });
    const second = await browser.signIn(await begin(product, two.id), { stop: atCallback });
    await browser.open(first.url);
    await browser.open(second.url);
    expect((await look(product, one.id)).status).toBe("connected");
    expect((await look(product, two.id)).status).toBe("connected");
  });
});

describe("a refresh", () => {
  test("sends the newest refresh token each time, and keeps what the provider hands out", async () => {
    const { id } = await connect(product, "acme");
    for (let turn = 0; turn < 3; turn += 1) expect((await product.post(`/v1/connections/${id}/refresh`)).status).toBe(200);
    const { refresh_tokens: issued } = await provider.issued();
    const sent = (await provider.tokenRequests("refresh_token")).map((body) => body.get("refresh_token"));
    expect(sent).toEqual(issued.slice(-4, -1));
    expect((await step(product, id, "list_items")).status).toBe(200);
  });

  test("sends the parameters of RFC 6749 and nothing else", async () => {
    const { id } = await connect(product, "acme");
    await product.post(`/v1/connections/${id}/refresh`);
    const [body] = await provider.tokenRequests("refresh_token");
    expect([...(body?.keys() ?? [])].sort()).toEqual(["grant_type", "refresh_token"]);
  });

  test("keeps the old refresh token where the provider hands out no new one", async () => {
    await provider.set({ keep_refresh_token: true });
    const { id } = await connect(product, "acme");
    for (let turn = 0; turn < 2; turn += 1) expect((await product.post(`/v1/connections/${id}/refresh`)).status).toBe(200);
    const [first, second] = await provider.tokenRequests("refresh_token");
    expect(first?.get("refresh_token")).toBe(second?.get("refresh_token"));
  });
});

describe("when the person or the provider says no", () => {
  test("a denial leaves a draft with the provider's words, and asks for no token", async () => {
    const { id, connection, visit } = await connect(product, "acme", { decision: "deny" });
    expect(connection).toMatchObject({
      status: "draft",
      error: {
        code: "access_denied",
        message: "You did not give access.",
        provider: { error: "access_denied", error_description: "The person <said> no" },
      },
    });
    expect(visit.answer?.text).not.toContain("<said>");
    expect(await provider.tokenRequests()).toEqual([]);
    expect((await step(product, id, "list_items")).json.code).toBe("not_connected");
  });

  test("a denied sign-in can be started again and then succeeds, and its error is gone", async () => {
    const { id, browser } = await connect(product, "acme", { decision: "deny" });
    await browser.signIn(await begin(product, id));
    expect(await look(product, id)).toMatchObject({ status: "connected", error: null });
  });

  test("a wrong client secret ends in `error`, with the provider's own code and what to check", async () => {
    const right = { id: `${awkward.id}-wrong` };
    await saveApp(product, provider, "unsaved", { ...right, saved: "not the secret that was registered" });
    const { connection } = await connect(product, "unsaved");
    expect(connection).toMatchObject({
      status: "error",
      label: null,
      unique_id: null,
      error: { code: "client_refused", provider: { status: 401, error: "invalid_client" } },
    });
    expect(connection.error.hint).toMatch(/client secret/i);
    expect(connection.error.hint).toMatch(/environment/i);
    expect(await provider.tokenRequests()).toHaveLength(1);
    await product.send("DELETE", "/v1/connectors/unsaved/apps/oauth/production");
  });

  test("a code verifier that does not fit the challenge is refused by the provider, once, and the person is told to connect again", async () => {
    const browser = new Browser();
    const { id } = await draft(product, "acme");
    const forged = createHash("sha256").update("somebody else's verifier").digest("base64url");
    await browser.signIn(await begin(product, id), {
      rewrite(url) {
        if (url.searchParams.has("code_challenge")) url.searchParams.set("code_challenge", forged);
        return url;
      },
    });
    const connection = await look(product, id);
    expect(connection).toMatchObject({
      status: "draft",
      error: {
        code: "code_expired",
        message: "The sign-in code had expired or was used twice.",
        hint: "Please connect again.",
        provider: { status: 400, error: "invalid_grant" },
      },
    });
    expect(await provider.tokenRequests()).toHaveLength(1);
  });

  test("connecting without a saved app is refused before anything is sent", async () => {
    const { id } = await draft(product, "unsaved");
    const answer = await product.post(`/v1/connections/${id}/authorize`);
    expect(answer.status).toBe(409);
    expect(codeOf(answer)).toBe("app_not_configured");
    expect(await provider.log()).toEqual([]);
  });

  test("a failing test call keeps the connection from being `connected`", async () => {
    await provider.set({ api_unauthorized: 10 });
    const { connection } = await connect(product, "acme");
    expect(connection.status).not.toBe("connected");
    expect(connection.error.code).toBe("credentials_invalid");
    expect(connection.error.provider.status).toBe(401);
  });

  test("an answer without a unique id keeps the connection from being `connected`", async () => {
    await provider.set({ me: { id: null } });
    const { connection } = await connect(product, "acme");
    expect(connection).toMatchObject({ status: "error", error: { code: "unique_id_missing" } });
  });

  test("a token answer without a token is a failure, even with HTTP 200", async () => {
    await provider.set({ token_fail: { status: 200, body: '{"ok":false,"error":"invalid_scope"}', times: 1 } });
    const { connection } = await connect(product, "acme");
    expect(connection.status).not.toBe("connected");
    expect(connection.error.provider).toMatchObject({ status: 200, error: "invalid_scope" });
  });

  test("a redirect of the token endpoint is not followed", async () => {
    const listener = await startListener();
    await provider.set({
      token_fail: { status: 307, body: "", times: 5, headers: { location: `http://${listener.authority}/steal` } },
    });
    const { connection } = await connect(product, "acme");
    expect(connection.status).not.toBe("connected");
    expect(listener.connections()).toBe(0);
  });
});

describe("a callback that is not in order", () => {
  test("is refused the second time: no token request, and the connection stays as it is", async () => {
    const { id, browser, callback } = await upToCallback("acme");
    await browser.send(callback);
    const before = await look(product, id);
    expect(before.status).toBe("connected");
    const again = await browser.send(callback, asProgram);
    expect(again.status).toBe(400);
    expect(codeOf(again)).toBe("state_invalid");
    expect(await provider.tokenRequests()).toHaveLength(1);
    expect(await look(product, id)).toEqual(before);
    expect((await step(product, id, "list_items")).status).toBe(200);
  });

  test("two at once make one token request and one connection", async () => {
    await provider.set({ token_delay_ms: 300 });
    const { browser, callback } = await upToCallback("acme");
    const statuses = (await Promise.all([browser.send(callback), browser.send(callback)])).map((answer) => answer.status);
    expect(statuses.sort()).toEqual([303, 400]);
    expect(await provider.tokenRequests()).toHaveLength(1);
    const { items } = (await product.get("/v1/connections")).json;
    expect(items).toHaveLength(1);
    expect(items[0].status).toBe("connected");
  });

  test("two sign-ins of one account that come back at once end in one connection", async () => {
    await provider.set({ token_delay_ms: 200 });
    const one = await upToCallback("acme");
    const two = await upToCallback("acme");
    await Promise.all([one.browser.send(one.callback), two.browser.send(two.callback)]);
    const { items } = (await product.get("/v1/connections?status=connected")).json;
    expect(items).toHaveLength(1);
    const [a, b] = [await look(product, one.id), await look(product, two.id)];
    expect(a.id).toBe(b.id);
    expect((await step(product, a.id, "list_items")).status).toBe(200);
  });

  test("from another browser is refused before any token request", async () => {
    const { id, callback } = await upToCallback("acme");
    const answer = await new Browser().send(callback, asProgram);
    expect(answer.status).toBe(400);
    expect(codeOf(answer)).toBe("state_invalid");
    expect(answer.json.detail).toMatch(/another browser/);
    expect(await provider.tokenRequests()).toEqual([]);
    expect((await look(product, id)).status).not.toBe("connected");
  });

  test("from a browser in which another sign-in was started is refused before any token request", async () => {
    const victim = await upToCallback("acme");
    const attacker = await upToCallback("acme");
    const answer = await victim.browser.send(attacker.callback, asProgram);
    expect(answer.status).toBe(400);
    expect(codeOf(answer)).toBe("state_invalid");
    expect(answer.json.detail).toMatch(/another browser/);
    expect(await provider.tokenRequests()).toEqual([]);
  });

  test("our own authorization URL belongs to the browser that opened it first", async () => {
    const { id } = await draft(product, "acme");
    const url = await begin(product, id);
    const first = new Browser();
    const { url: gone } = await first.open(url, { stop: (next) => next.origin === provider.issuer });
    expect(gone.origin).toBe(provider.issuer);
    const answer = await new Browser().send(url, asProgram);
    expect(answer.status).toBe(400);
    expect(codeOf(answer)).toBe("state_invalid");
    expect(answer.json.detail).toMatch(/another browser/);
  });

  test("with connector A's state at connector B's redirect URL is refused before any token request", async () => {
    const { id, browser, callback } = await upToCallback("acme");
    callback.pathname = "/oauth/callback/beta";
    const answer = await browser.send(callback, asProgram);
    expect(answer.status).toBe(400);
    expect(codeOf(answer)).toBe("state_invalid");
    expect(await provider.tokenRequests()).toEqual([]);
    expect((await look(product, id)).status).not.toBe("connected");
  });

  for (const [what, change] of [
    ["another issuer", (url: URL) => url.searchParams.set("iss", "https://evil.example")],
    ["an issuer that only looks the same", (url: URL) => url.searchParams.set("iss", `${url.searchParams.get("iss")}/`)],
  ] as const)
    test(`from ${what} is refused before any token request`, async () => {
      const { id, browser, callback } = await upToCallback("acme");
      change(callback);
      await browser.open(callback);
      expect(await provider.tokenRequests()).toEqual([]);
      const connection = await look(product, id);
      expect(connection.status).not.toBe("connected");
      expect(connection.error.code).toBe("issuer_mismatch");
    });

  test("without an issuer is refused where the manifest requires one", async () => {
    const { id, browser, callback } = await upToCallback("strict");
    callback.searchParams.delete("iss");
    await browser.open(callback);
    expect(await provider.tokenRequests()).toEqual([]);
    expect((await look(product, id)).error.code).toBe("issuer_mismatch");
  });

  for (const [what, change] of [
    ["code twice", (url: URL) => url.searchParams.append("code", "another")],
    ["the same code twice", (url: URL) => url.searchParams.append("code", url.searchParams.get("code") ?? "")],
    ["iss twice", (url: URL) => url.searchParams.append("iss", url.searchParams.get("iss") ?? "")],
    ["an error beside the code", (url: URL) => url.searchParams.append("error", "access_denied")],
    ["no code", (url: URL) => url.searchParams.delete("code")],
  ] as const)
    test(`with ${what} makes no token request`, async () => {
      const { id, browser, callback } = await upToCallback("acme");
      change(callback);
      await browser.send(callback);
      expect(await provider.tokenRequests()).toEqual([]);
      const connection = await look(product, id);
      expect(connection.status).not.toBe("connected");
      expect(connection.error.code).toBe(what.startsWith("an error") ? "access_denied" : "callback_invalid");
    });

  test("with a code that is also given as a list is taken, because that is a parameter of another name", async () => {
    const { id, browser, callback } = await upToCallback("acme");
    callback.searchParams.append("code[]", "another");
    await browser.send(callback);
    expect((await look(product, id)).status).toBe("connected");
    expect(await provider.tokenRequests()).toHaveLength(1);
  });

  test("with state twice, as a list, or not at all is refused", async () => {
    const { browser, callback } = await upToCallback("acme");
    const state = callback.searchParams.get("state") ?? "";
    for (const query of [`state=${state}&state=${state}`, `state[]=${state}`, `state[a]=${state}`, "", "state=", "state=%00"]) {
      const answer = await browser.send(`${product.url}/oauth/callback/acme?code=x&${query}`, asProgram);
      expect(answer.status).toBe(400);
      expect(["callback_invalid", "state_invalid"]).toContain(codeOf(answer));
    }
    expect(await provider.tokenRequests()).toEqual([]);
  });

  test("by another method is not answered", async () => {
    for (const method of ["POST", "PUT", "DELETE"]) {
      const answer = await send(`${product.url}/oauth/callback/acme?code=a&state=b`, { method });
      expect(answer.status).toBe(405);
      expect(answer.headers.allow).toContain("GET");
    }
  });

  test("never shows the provider's words as markup", async () => {
    const { browser, callback } = await upToCallback("acme");
    const state = callback.searchParams.get("state") ?? "";
    const words = `"><script>alert(1)</script>`;
    const query = new URLSearchParams({ state, error: words, error_description: words, error_uri: "javascript:alert(1)" });
    const visit = await browser.open(`${product.url}/oauth/callback/acme?${query}`);
    expect(visit.answer?.text).not.toContain("<script>alert(1)");
    expect(visit.answer?.text).not.toContain('href="javascript:');
  });
});

describe("who and where", () => {
  test("connecting the same account twice gives one connection, and the draft's id answers as an alias of it", async () => {
    const first = await connect(product, "acme");
    const second = await connect(product, "acme");
    expect(second.id).not.toBe(first.id);
    expect(second.connection.id).toBe(first.id);
    expect(second.connection.status).toBe("connected");
    expect((await product.get("/v1/connections")).json.items).toHaveLength(1);
    expect((await step(product, second.id, "list_items")).status).toBe(200);
    expect((await step(product, first.id, "list_items")).status).toBe(200);
  });

  test("where the manifest rejects duplicates, the second draft ends in `duplicate_connection` and the first stays as it is", async () => {
    const first = await connect(product, "rejecting");
    const second = await connect(product, "rejecting");
    expect(second.connection.status).not.toBe("connected");
    expect(second.connection.error.code).toBe("duplicate_connection");
    expect((await look(product, first.id)).status).toBe("connected");
    expect((await step(product, first.id, "list_items")).status).toBe(200);
  });

  test("two people at one provider are two connections, each with its own tokens, and deleting one leaves the other", async () => {
    const ada = await connect(product, "acme");
    const alan = await connect(product, "acme", { as: "alan" });
    expect(alan.connection.label).toBe("Alan Turing's Acme");
    expect(alan.connection.id).toBe(alan.id);
    expect((await product.send("DELETE", `/v1/connections/${ada.id}`)).status).toBe(204);
    expect((await step(product, alan.id, "list_items")).status).toBe(200);
    const gone = await product.get(`/v1/connections/${ada.id}`);
    expect(gone.status).toBe(410);
    expect(codeOf(gone)).toBe("connection_revoked");
    expect(codeOf(await step(product, ada.id, "list_items"))).toBe("connection_revoked");
  });

  test("reconnecting with another account is refused as `account_mismatch`, and the old tokens go on working", async () => {
    const { id, browser } = await connect(product, "acme");
    await step(product, id, "list_items");
    const authorization = async () => (await provider.log("/api/items")).at(-1)?.headers.authorization;
    const before = await authorization();
    browser.forget(provider.issuer);
    await browser.signIn(await begin(product, id), { as: "alan" });
    const connection = await look(product, id);
    expect(connection).toMatchObject({ status: "connected", label: "Ada Lovelace's Acme", unique_id: "acct-1815" });
    const failure = (await events(product, id)).find((event) => event.code === "account_mismatch");
    expect(failure).toBeDefined();
    expect((await step(product, id, "list_items")).status).toBe(200);
    expect(await authorization()).toBe(before);
  });

  test("reconnecting with the same account replaces the tokens and keeps the id", async () => {
    const { id, browser } = await connect(product, "acme");
    await browser.signIn(await begin(product, id));
    expect(await look(product, id)).toMatchObject({ id, status: "connected", error: null });
    expect(await provider.tokenRequests("authorization_code")).toHaveLength(2);
    expect((await step(product, id, "list_items")).status).toBe(200);
  });

  test("a connection stays usable while its reconnecting is under way, and when it is denied", async () => {
    const { id, browser } = await connect(product, "acme");
    const url = await begin(product, id);
    expect((await step(product, id, "list_items")).status).toBe(200);
    browser.forget(provider.issuer);
    await browser.signIn(url, { decision: "deny" });
    expect((await step(product, id, "list_items")).status).toBe(200);
    expect((await look(product, id)).status).toBe("connected");
  });

  test("a spoofed Host or forwarded host changes nothing", async () => {
    const { id } = await draft(product, "acme");
    const headers = {
      host: "evil.example",
      "x-forwarded-host": "evil.example",
      "x-forwarded-proto": "https",
      forwarded: "host=evil.example",
    };
    const answer = await product.send("POST", `/v1/connections/${id}/authorize`, {}, { headers });
    if (answer.status < 300) expect(answer.json.authorization_url.startsWith(`${product.url}/`)).toBe(true);
    else expect(answer.text).not.toContain("evil.example");

    const browser = new Browser();
    const away = await browser.send(await begin(product, id), { headers });
    expect(JSON.stringify(away.headers)).not.toContain("evil.example");
    const { callback, browser: other } = await upToCallback("acme");
    const back = await other.send(callback, { headers });
    expect(JSON.stringify(back.headers)).not.toContain("evil.example");
    for (const seen of await provider.log("/auth")) expect(seen.query.redirect_uri).toBe(`${product.url}/oauth/callback/acme`);
  });
});

test("every answer that was given here fits the OpenAPI document", async () => {
  const document = (await product.get("/openapi.json")).json;
  expect(
    checkAnswers(
      document,
      heard.filter((answer) => answer.origin === product.url),
    ),
  ).toEqual([]);
});
