import { randomBytes } from "node:crypto";
import {
  authorizationUrl,
  Browser,
  call,
  callbackOf,
  connect,
  decide,
  exchange,
  pkce,
  post,
  type Running,
  refresh,
  startSandbox,
  tokenBody,
} from "./browser.ts";

let running: Running;
beforeEach(async () => {
  running = await startSandbox();
});
afterEach(() => running.close());

describe("the code grant", () => {
  test("ends in tokens that work, and its callback carries state and iss", async () => {
    const { verifier, challenge } = pkce();
    const callback = await decide(running, challenge);
    expect(callback.origin + callback.pathname).toBe(callbackOf(running));
    expect(Object.fromEntries(callback.searchParams)).toEqual({
      code: expect.any(String),
      state: "some-state",
      iss: running.url,
    });

    const answer = await exchange(running, callback.searchParams.get("code") ?? "", verifier);
    expect(answer.status).toBe(200);
    expect(answer.headers.get("cache-control")).toBe("no-store");
    const tokens = await tokenBody(answer);
    expect(tokens).toMatchObject({ token_type: "Bearer", expires_in: 60, scope: "profile files.read" });
    expect(await (await call(running, "/me", tokens.access_token)).json()).toEqual({
      id: "person_ada",
      name: "Ada",
      email: "ada@sandbox.example",
    });
  });

  test("takes the client's proof as form-encoded Basic, but not in two places at once", async () => {
    const { verifier, challenge } = pkce();
    const code = (await decide(running, challenge)).searchParams.get("code") ?? "";
    const { client_id, client_secret } = running.client;
    const basic = { Authorization: `Basic ${Buffer.from(`${client_id}:${client_secret}`).toString("base64")}` };
    const form = { grant_type: "authorization_code", code, redirect_uri: callbackOf(running), code_verifier: verifier };

    const twice = await post(running, "/token", { ...form, client_secret }, basic);
    expect([twice.status, (await tokenBody(twice)).error]).toEqual([400, "invalid_request"]);
    expect((await post(running, "/token", form, basic)).status).toBe(200);
  });

  test("refuses a wrong secret with 401 and a challenge", async () => {
    const answer = await exchange(running, "any", "any", { client_secret: "wrong" });
    expect([answer.status, (await tokenBody(answer)).error]).toEqual([401, "invalid_client"]);
    expect(answer.headers.get("www-authenticate")).toMatch(/^Basic /);
  });

  test("refuses a wrong verifier, and the code is spent by it", async () => {
    const { verifier, challenge } = pkce();
    const code = (await decide(running, challenge)).searchParams.get("code") ?? "";
    expect((await tokenBody(await exchange(running, code, pkce().verifier))).error).toBe("invalid_grant");
    expect((await tokenBody(await exchange(running, code, verifier))).error).toBe("invalid_grant");
  });

  test("refuses another redirect_uri than that of the authorization request", async () => {
    const { verifier, challenge } = pkce();
    const code = (await decide(running, challenge)).searchParams.get("code") ?? "";
    const answer = await exchange(running, code, verifier, { redirect_uri: `${callbackOf(running)}-2` });
    expect((await tokenBody(answer)).error).toBe("invalid_grant");
  });

  test("revokes what a code bought when the code is replayed", async () => {
    const { verifier, challenge } = pkce();
    const code = (await decide(running, challenge)).searchParams.get("code") ?? "";
    const tokens = await tokenBody(await exchange(running, code, verifier));

    expect((await tokenBody(await exchange(running, code, verifier))).error).toBe("invalid_grant");
    expect((await call(running, "/me", tokens.access_token)).status).toBe(401);
    expect((await tokenBody(await refresh(running, tokens.refresh_token))).error).toBe("invalid_grant");
  });

  test("lets a code die after a minute", async () => {
    const { verifier, challenge } = pkce();
    const code = (await decide(running, challenge)).searchParams.get("code") ?? "";
    running.wait(60_000);
    expect((await tokenBody(await exchange(running, code, verifier))).error).toBe("invalid_grant");
  });

  test("tells the client when the person denies", async () => {
    const callback = await decide(running, pkce().challenge, { decision: "deny" });
    expect(Object.fromEntries(callback.searchParams)).toMatchObject({
      error: "access_denied",
      state: "some-state",
      iss: running.url,
    });
    expect(callback.searchParams.has("code")).toBe(false);
  });

  test.each([
    ["another response type", { response_type: "token" }, "unsupported_response_type"],
    ["no code_challenge", { code_challenge: null }, "invalid_request"],
    ["a plain challenge", { code_challenge_method: "plain" }, "invalid_request"],
    ["an unknown scope", { scope: "profile everything" }, "invalid_scope"],
    ["a scope named like an inherited property", { scope: "constructor" }, "invalid_scope"],
  ])("tells the client about %s", async (_name, change, error) => {
    const answer = await new Browser().get(authorizationUrl(running, pkce().challenge, change));
    const location = new URL(answer.headers.get("location") ?? "");
    expect(answer.status).toBe(302);
    expect(location.searchParams.get("error")).toBe(error);
    expect(location.searchParams.get("state")).toBe("some-state");
  });
});

describe("refresh", () => {
  test("replaces both tokens, and an access token lives a minute", async () => {
    const first = await connect(running);
    running.wait(59_999);
    expect((await call(running, "/me", first.access_token)).status).toBe(200);
    running.wait(1);
    const expired = await call(running, "/me", first.access_token);
    expect(expired.status).toBe(401);
    expect(expired.headers.get("www-authenticate")).toContain('error="invalid_token"');

    const second = await tokenBody(await refresh(running, first.refresh_token));
    expect(second.refresh_token).not.toBe(first.refresh_token);
    expect((await call(running, "/me", second.access_token)).status).toBe(200);
  });

  test("ends the whole sign-in when a spent refresh token comes back", async () => {
    const first = await connect(running);
    const second = await tokenBody(await refresh(running, first.refresh_token));
    expect((await tokenBody(await refresh(running, first.refresh_token))).error).toBe("invalid_grant");

    expect((await tokenBody(await refresh(running, second.refresh_token))).error).toBe("invalid_grant");
    expect((await call(running, "/me", second.access_token)).status).toBe(401);
  });

  test("may ask for fewer scopes, never for more", async () => {
    const first = await connect(running);
    const more = await refresh(running, first.refresh_token, { scope: "files.write" });
    expect((await tokenBody(more)).error).toBe("invalid_scope");
    const fewer = await tokenBody(await refresh(running, first.refresh_token, { scope: "profile" }));
    expect(fewer.scope).toBe("profile");
    expect((await tokenBody(await refresh(running, fewer.refresh_token))).scope).toBe("profile files.read");
  });

  test("goes on after a restart with the same secret, as do client and sign-in", async () => {
    const secret = randomBytes(32);
    running.restart(secret);
    const before = running.client;
    const browser = new Browser();
    const tokens = await connect(running, { browser });

    running.restart(secret);
    expect(running.client).toEqual(before);
    expect((await call(running, "/me", tokens.access_token)).status).toBe(200);
    expect((await refresh(running, tokens.refresh_token)).status).toBe(200);
    expect(await (await browser.get(authorizationUrl(running, pkce().challenge))).text()).toContain("signed in as");
  });

  test("fails after a restart with another secret", async () => {
    const tokens = await connect(running);
    running.restart(randomBytes(32));
    expect((await tokenBody(await refresh(running, tokens.refresh_token))).error).toBe("invalid_grant");
  });
});

describe("revocation", () => {
  test.each(["access_token", "refresh_token"] as const)("of an %s ends the sign-in and no other", async (kind) => {
    const [one, other] = [await connect(running), await connect(running)];
    const answer = await post(running, "/revoke", { token: one[kind], ...running.client });
    expect(answer.status).toBe(200);
    expect((await call(running, "/me", one.access_token)).status).toBe(401);
    expect((await tokenBody(await refresh(running, one.refresh_token))).error).toBe("invalid_grant");
    expect((await call(running, "/me", other.access_token)).status).toBe(200);
  });

  test("of an unknown token succeeds, and without the client's proof it fails", async () => {
    expect((await post(running, "/revoke", { token: "unknown", ...running.client })).status).toBe(200);
    expect((await post(running, "/revoke", { token: "unknown" })).status).toBe(401);
  });
});

test("the metadata name the endpoints where they are", async () => {
  const metadata = await (await fetch(`${running.url}/.well-known/oauth-authorization-server`)).json();
  expect(metadata).toMatchObject({
    issuer: running.url,
    authorization_endpoint: `${running.url}/authorize`,
    token_endpoint: `${running.url}/token`,
    code_challenge_methods_supported: ["S256"],
    authorization_response_iss_parameter_supported: true,
  });
});

test.each([
  ["a body that is not a form", "application/json", "{}", 401],
  ["a repeated parameter", "application/x-www-form-urlencoded", "grant_type=a&grant_type=b", 400],
  ["a body that is too long", "application/x-www-form-urlencoded", `a=${"b".repeat(20_000)}`, 413],
])("the token endpoint refuses %s", async (_name, type, body, status) => {
  const answer = await fetch(`${running.url}/token`, { method: "POST", headers: { "Content-Type": type }, body });
  expect(answer.status).toBe(status);
  expect(answer.headers.get("content-type")).toContain("application/json");
});
