import { createHash } from "node:crypto";
import { cleanup } from "../harness/cleanup.ts";
import { type OddProvider, type Reply, startOddProvider } from "../provider/odd.ts";
import { admin, createWorld, day, hour, minute, type World, type WorldOptions } from "./world.ts";

// What a connection goes through in days and months, on a clock that the test moves.

afterAll(cleanup);

let provider: OddProvider;
let token: (grant: string) => Reply;
let me: Reply;
let revoked: Reply;
/** What the token endpoint waits for. */
let slow: Promise<void> = Promise.resolve();
let issued = 0;

const fresh = (more: object = {}): Reply => {
  issued += 1;
  return { body: { access_token: `access-${issued}`, refresh_token: `refresh-${issued}`, expires_in: 3600, ...more } };
};

beforeAll(async () => {
  provider = await startOddProvider({
    "/token": async (seen) => {
      await slow;
      return token(seen.form.get("grant_type") ?? "");
    },
    "/register": () => {
      // The first for ten days.
      const ends = Date.UTC(2026 + provider.at("/register").length, 0, 11) / 1000;
      return { status: 201, body: { client_id: `client-${ends}`, client_secret: "hush", client_secret_expires_at: ends } };
    },
    "/revoke": () => revoked,
    "/me": () => me,
    "/items": () => ({ body: [] }),
  });
});

beforeEach(() => {
  provider.seen.length = 0;
  slow = Promise.resolve();
  token = () => fresh();
  me = { body: { id: 7, name: "Ada" } };
  revoked = { status: 200 };
});

const manifest = (refresh = "", test = "", more = "") => `manifest: 1
name: acme
title: Acme
base_url: ${provider.url}
auth:
  oauth:
    type: oauth2
    grant: authorization_code
    client: { source: connection }
    fields: [{ name: client_id, label: ID, default: app }, { name: client_secret, label: Secret, secret: true, default: hush-hush }]
    authorization: { url: ${provider.url}/authorize }
    token: { url: ${provider.url}/token }
    refresh: { ${refresh} }
    revocation: { url: ${provider.url}/revoke }
    test: { request: { path: /me }${test} }
    label: "{{ me.name }}"
    unique_id: me.id
${more}actions: { list: { title: List, request: { path: /items } } }
`;

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const world = (options: Partial<WorldOptions> = {}) => createWorld({ manifests: [manifest()], ...options });
const refreshes = () => provider.at("/token").filter(({ form }) => form.get("grant_type") === "refresh_token").length;
const look = (w: World, id: string) => w.engine.connections.get(admin, id);
const run = (w: World, id: string) => w.engine.steps.run(admin, id, "list", {});

describe("a sign-in", () => {
  const start = async (w: World) => {
    const { id } = await w.engine.connections
      .create(admin, { connector: "acme", owner: "ada", fields: {} })
      .then((made) => made.connection);
    const begun = await w.engine.authorization.begin(admin, id);
    const ticket = new URL(begun.authorization_url).pathname.split("/").at(-1) ?? "";
    const open = (browser?: string) => w.engine.authorization.open(ticket, browser, undefined);
    const { location, browser } = await open();
    const state = new URL(location).searchParams.get("state") ?? "";
    const comeBack = () =>
      w.engine.authorization.finish("acme", `${new URLSearchParams({ code: "code", state })}`, browser, undefined);
    return { id, begun, ticket, state, browser, open, comeBack };
  };

  test("may take ten minutes, and neither its link nor its callback is good for anything after", async () => {
    const w = await world();
    const early = await start(w);
    expect(early.begun.expires_at).toBe(new Date(w.now + 10 * minute).toISOString());
    w.skip(10 * minute - 1);
    expect(await early.comeBack()).toMatchObject({ outcome: "connected" });
    const asked = provider.at("/token").length;
    const late = await start(w);
    w.skip(10 * minute);
    await expect(late.open(late.browser)).rejects.toMatchObject({ code: "state_invalid", status: 400 });
    await expect(late.comeBack()).rejects.toMatchObject({ code: "state_invalid", status: 400 });
    await expect(late.comeBack()).rejects.toMatchObject({ code: "state_invalid" });
    expect(provider.at("/token")).toHaveLength(asked);
    expect(await look(w, late.id)).toMatchObject({
      status: "draft",
      error: { code: "state_invalid", message: "This sign-in took longer than ten minutes." },
    });
    expect(await w.log(late.id)).toEqual(["created", "authorization_started", "failed state_invalid"]);
  });

  test("that nobody finished leaves a draft that says so, and that can be tried again", async () => {
    const w = await world();
    const { id, comeBack } = await start(w);
    expect((await look(w, id)).status).toBe("awaiting_authorization");
    await w.pass(9 * minute);
    expect((await look(w, id)).status).toBe("awaiting_authorization");
    await w.pass(hour);
    expect(await look(w, id)).toMatchObject({
      status: "draft",
      error: { code: "state_invalid", message: "Sign-in was not finished." },
    });
    await expect(comeBack()).rejects.toMatchObject({ code: "state_invalid" });
    expect(provider.at("/token")).toEqual([]);
    await w.engine.authorization.begin(admin, id);
    expect(await look(w, id)).toMatchObject({ status: "awaiting_authorization", error: null });
  });

  test("is remembered by what its ticket, its state and its browser hash to, and by nothing that could be used", async () => {
    const w = await world();
    const { id, ticket, state, browser } = await start(w);
    const flow = await w.store.flows.get(sha256(ticket));
    expect(flow).toMatchObject({ connection: id, state_hash: sha256(state), browser_hash: sha256(browser) });
    const stored = JSON.stringify([flow, await w.store.connections.get(id)]);
    for (const secret of [ticket, state, browser]) {
      expect(secret.length).toBe(43);
      expect(stored).not.toContain(secret);
    }
  });
});

describe("refresh", () => {
  test("a refusal without a readable reason counts only when it stays for a quarter of an hour", async () => {
    const w = await world();
    const id = await w.signIn("acme", "code");
    token = () => ({ status: 400 });
    await w.pass(59 * minute);
    expect([(await look(w, id)).status, refreshes()]).toEqual(["connected", 2]);
    await w.pass(30 * minute);
    expect((await look(w, id)).status).toBe("needs_reauth");
    expect(refreshes()).toBe(3);
    expect((await w.log(id)).filter((line) => line.startsWith("needs_reauth"))).toEqual(["needs_reauth token_answer_invalid"]);
    await w.pass(day);
    expect(refreshes()).toBe(3);
  });

  test.each([
    ["an empty 401", { status: 401 }],
    ["a page with 403", { status: 403, body: "<html>Forbidden</html>" }],
  ])("a provider that was ill for ten minutes and answered with %s costs nobody the connection", async (_, answer) => {
    const w = await world();
    const id = await w.signIn("acme", "code");
    const ill = w.now + 45 * minute;
    token = () => (w.now >= ill && w.now < ill + 10 * minute ? answer : fresh());
    await w.pass(3 * hour);
    expect((await look(w, id)).status).toBe("connected");
  });

  test("doubts are forgotten with the first success", async () => {
    const w = await world();
    const id = await w.signIn("acme", "code");
    for (let round = 0; round < 4; round++) {
      let left = 2;
      token = () => (left-- > 0 ? { status: 400 } : fresh());
      await w.pass(70 * minute);
    }
    expect((await look(w, id)).status).toBe("connected");
  });

  test("the manifest may say that such a refusal counts at once", async () => {
    const errors = manifest().replace("/token }", '/token, errors: { "400": reauthorize } }');
    const w = await world({ manifests: [errors] });
    const id = await w.signIn("acme", "code");
    token = () => ({ status: 400 });
    await w.pass(hour);
    expect([(await look(w, id)).status, refreshes()]).toEqual(["needs_reauth", 1]);
  });

  test("an answer that was lost is asked for again at once where the provider has a grace", async () => {
    for (const [refresh, expected] of [
      ["grace: 30s", 2],
      ["rotation: always", 1],
    ] as const) {
      provider.seen.length = 0;
      token = () => fresh();
      const w = await world({ manifests: [manifest(refresh)] });
      const id = await w.signIn("acme", "code");
      let lost = 1;
      token = () => (lost-- > 0 ? { status: 200, headers: { "content-length": "999" }, body: "{" } : fresh());
      await w.engine.connections.refresh(admin, id).catch(() => undefined);
      expect([refresh, refreshes()]).toEqual([refresh, expected]);
    }
  });

  test.each([
    ["is over for steps half a minute after it is over for the provider", {}, 31_000],
    ["is as long for steps as the provider asked", { "retry-after": "600" }, 601_000],
  ])("an outage past the end of a token %s", async (_, headers, wait) => {
    const w = await world();
    const id = await w.signIn("acme", "code");
    token = () => ({ status: 503, headers });
    await w.pass(2 * hour);
    await expect(run(w, id)).rejects.toMatchObject({ code: "provider_unavailable" });
    await w.pass(20 * minute);
    await expect(run(w, id)).rejects.toMatchObject({ code: "provider_unavailable" });
    token = () => fresh();
    const { refresh_held_until } = (await w.store.connections.get(id)) ?? {};
    const held = Date.parse(refresh_held_until ?? "") - w.now;
    expect(held).toBeLessThanOrEqual(wait);
    expect(held).toBeGreaterThan(1000);
    // Only steps, without the job that would come first.
    w.skip(held - 1000);
    await expect(run(w, id)).rejects.toMatchObject({ code: "provider_unavailable" });
    w.skip(1001);
    await run(w, id);
    expect((await look(w, id)).error).toBeNull();
  });

  test("a token is not replaced before the age that the provider wants, whoever asks", async () => {
    const w = await world({ manifests: [manifest("min_age: 30m")] });
    const id = await w.signIn("acme", "code");
    await w.pass(10 * minute);
    await expect(w.engine.connections.refresh(admin, id)).rejects.toMatchObject({
      code: "refresh_too_soon",
      retryAfter: 20 * minute,
    });
    expect(refreshes()).toBe(0);
    await w.pass(25 * minute);
    await w.engine.connections.refresh(admin, id);
    expect(refreshes()).toBe(1);
  });

  test("a token that is said to live ten days is replaced within the age that the deployment allows", async () => {
    token = () => fresh({ expires_in: 10 * 86_400 });
    const w = await world({ policy: { maxTokenAge: hour } });
    const id = await w.signIn("acme", "code");
    expect(Date.parse((await look(w, id)).expires_at ?? "") - w.now).toBeLessThanOrEqual(hour);
    await w.pass(hour);
    expect(refreshes()).toBe(1);
    await w.pass(23 * hour);
    expect(refreshes()).toBeGreaterThanOrEqual(24);
  });

  test("a point in time is read by the clock of the provider that names it", async () => {
    const ahead = 2 * hour;
    const told = manifest().replace("/token }", "/token, response: { expires_in: ends } }");
    const w = await world({ manifests: [told] });
    token = () => {
      const ends = Math.floor((w.now + ahead + hour) / 1000);
      return { ...fresh({ ends, expires_in: undefined }), headers: { date: new Date(w.now + ahead).toUTCString() } };
    };
    const id = await w.signIn("acme", "code");
    expect(Math.abs(Date.parse((await look(w, id)).expires_at ?? "") - w.now - hour)).toBeLessThan(minute);
  });

  test("an unused refresh token is spent before the provider forgets it", async () => {
    token = () => fresh({ expires_in: undefined });
    const w = await world({ manifests: [manifest("idle_max: 30d")] });
    const id = await w.signIn("acme", "code");
    await w.pass(100 * day);
    expect(refreshes()).toBe(3);
    expect((await look(w, id)).status).toBe("connected");
  });
});

describe("a client that registered itself", () => {
  test("and whose secret has ended, asks the people of its connections to sign in again, also once another took its place", async () => {
    const registering = manifest().replace(
      /client: .*\n.*fields: .*\n/,
      `client: { registration: { url: "${provider.url}/register" } }\n`,
    );
    const w = await world({ manifests: [registering] });
    const end = w.now + 10 * day;
    const ids = [await w.signIn("acme", "code", "ada"), await w.signIn("acme", "code", "alan")];
    await w.pass(9 * day);
    token = (grant) => (grant === "refresh_token" ? { status: 401, body: { error: "invalid_client" } } : fresh());
    // Before its end a refusal is nothing against the connections.
    await expect(w.engine.connections.refresh(admin, ids[0] ?? "")).rejects.toMatchObject({ code: "client_refused" });
    w.skip(end - w.now);
    for (const id of ids) {
      await expect(w.engine.connections.refresh(admin, id)).rejects.toMatchObject({ code: "needs_reauth" });
      expect(await look(w, id)).toMatchObject({ status: "needs_reauth", error: { code: "grant_refused" } });
      await w.signIn("acme", "code", "somebody else");
    }
    expect(provider.at("/register")).toHaveLength(2);
  });
});

describe("a reminder", () => {
  test("comes once, two weeks before an access ends that no refresh prolongs", async () => {
    const w = await world({ manifests: [manifest("max_age: 100d")] });
    const id = await w.signIn("acme", "code");
    expect((await look(w, id)).reauth_by).toBe(new Date(w.now + 100 * day).toISOString());
    await w.pass(85 * day);
    expect(await w.log(id)).not.toContain("expiring");
    await w.pass(2 * day);
    expect((await w.log(id)).filter((line) => line === "expiring")).toHaveLength(1);
    await w.restart();
    await w.pass(5 * day);
    expect((await w.log(id)).filter((line) => line === "expiring")).toHaveLength(1);
  });

  test("comes for a token that cannot be replaced, and not for one of an hour", async () => {
    for (const [days, reminders] of [
      [60, 1],
      [0.5, 0],
    ] as const) {
      token = () => fresh({ refresh_token: undefined, expires_in: days * 86_400 });
      const w = await world();
      const id = await w.signIn("acme", "code");
      await w.pass(days * 0.9 * day);
      expect((await w.log(id)).filter((line) => line === "expiring")).toHaveLength(reminders);
    }
  });

  test("comes for a refresh token whose told end stays where it is, and not for one that each refresh moves", async () => {
    for (const [moves, reminders] of [
      [false, 1],
      [true, 0],
    ] as const) {
      const w = await world({
        manifests: [
          manifest("response: { refresh_token_expires_in: left }").replace(
            "/token }",
            "/token, response: { refresh_token_expires_in: left } }",
          ),
        ],
      });
      const end = w.now + 40 * day;
      token = () => fresh({ expires_in: 86_400, left: moves ? 40 * 86_400 : (end - w.now) / 1000 });
      const id = await w.signIn("acme", "code");
      await w.pass(35 * day);
      expect([moves, (await w.log(id)).filter((line) => line === "expiring").length]).toEqual([moves, reminders]);
    }
  });
});

describe("tests in the background", () => {
  test("are made as often as the manifest says, follow the account's name, and end with the credential", async () => {
    token = () => fresh({ expires_in: undefined });
    const w = await world({ manifests: [manifest("", ", every: 1d")] });
    const id = await w.signIn("acme", "code");
    me = { body: { id: 7, name: "Ada King" } };
    await w.pass(10 * day);
    const tests = provider.at("/me").length;
    expect(tests).toBeGreaterThanOrEqual(11);
    expect(tests).toBeLessThanOrEqual(13);
    expect((await look(w, id)).label).toBe("Ada King");
    me = { status: 401 };
    token = () => ({ status: 400, body: { error: "invalid_grant" } });
    await w.pass(2 * day);
    expect((await look(w, id)).status).toBe("needs_reauth");
    const after = provider.at("/me").length;
    await w.pass(10 * day);
    expect(provider.at("/me")).toHaveLength(after);
  });

  test("that cannot reach the provider change nothing but what is said of the last test, and go on", async () => {
    const w = await world({ manifests: [manifest("", ", every: 6h")] });
    const id = await w.signIn("acme", "code");
    me = { status: 503 };
    await w.pass(day);
    expect(await look(w, id)).toMatchObject({ status: "connected", last_test: { outcome: "unreachable" } });
    me = { body: { id: 7, name: "Ada" } };
    await w.pass(day);
    expect(await look(w, id)).toMatchObject({ status: "connected", last_test: { outcome: "passed" } });
  });

  test("that overlap with a refresh cost nobody the new credential, and say once that it is well again", async () => {
    const w = await world({ manifests: [manifest("", ', every: 1d, valid: "$not($exists(me.blocked))"')] });
    const id = await w.signIn("acme", "code");
    // The API refuses this account, and the provider goes on giving tokens.
    me = { body: { id: 7, name: "Ada", blocked: true } };
    let late = () => {};
    const gate = new Promise<void>((resolve) => {
      late = resolve;
    });
    token = () => fresh();
    slow = gate;
    const refresh = w.engine.connections.refresh(admin, id);
    const { ok } = await w.engine.connections.test(admin, id);
    expect([ok, (await look(w, id)).status]).toEqual([false, "needs_reauth"]);
    late();
    await refresh;
    expect(await look(w, id)).toMatchObject({ status: "connected", error: null });
    expect((await w.log(id)).filter((line) => line === "recovered")).toHaveLength(1);
    expect(await w.store.connections.due("test", "9999", 10)).toHaveLength(1);
    await w.pass(2 * hour);
    expect(refreshes()).toBeGreaterThan(1);
  });

  test("of what needs its person are due to nobody, and two at once make it well once", async () => {
    const w = await world({ manifests: [manifest("", ", every: 1d")] });
    const id = await w.signIn("acme", "code");
    token = () => ({ status: 400, body: { error: "invalid_grant" } });
    await w.pass(2 * hour);
    me = { status: 401 };
    await w.engine.connections.test(admin, id);
    expect(await w.store.connections.due("test", "9999", 10)).toEqual([]);
    expect(await w.store.connections.due("refresh", "9999", 10)).toEqual([]);
    me = { body: { id: 7, name: "Ada" } };
    await Promise.all([w.engine.connections.test(admin, id), w.engine.connections.test(admin, id)]);
    expect((await w.log(id)).filter((line) => line === "recovered")).toHaveLength(1);
  });

  test("read an answer of a quarter of a megabyte, and take a longer one for none", async () => {
    const w = await world();
    const id = await w.signIn("acme", "code");
    for (const [kilobytes, outcome] of [
      [255, "passed"],
      [257, "unreachable"],
    ] as const) {
      me = { body: { id: 7, name: "Ada", more: "x".repeat(kilobytes * 1024) } };
      expect(await w.engine.connections.test(admin, id)).toMatchObject({ outcome, connection: { status: "connected" } });
    }
  });

  test("survive a restart", async () => {
    const w = await world({ manifests: [manifest("", ", every: 1d")] });
    await w.signIn("acme", "code");
    await w.restart();
    await w.pass(3 * day);
    expect(provider.at("/me").length).toBeGreaterThanOrEqual(4);
  });
});

describe("the end", () => {
  const kept = async (w: World, id: string) => (await w.store.connections.get(id))?.sealed_tombstone ?? null;

  test("a provider that is away is told of a disconnect until it listens, also after a restart", async () => {
    const w = await world();
    const id = await w.signIn("acme", "code");
    revoked = { status: 503 };
    const told = await w.engine.connections.remove(admin, id);
    expect(told).toMatchObject({ provider_revoked: false, retrying: true, provider: { status: 503 } });
    expect(await w.store.connections.get(id)).toMatchObject({ status: "revoked", sealed_credential: null, sealed_fields: null });
    await w.restart();
    await w.pass(hour);
    const inVain = provider.at("/revoke").length;
    expect(inVain).toBeGreaterThan(1);
    expect(await kept(w, id)).not.toBeNull();
    revoked = { status: 200 };
    await w.pass(3 * hour);
    expect(await kept(w, id)).toBeNull();
    expect(
      provider
        .at("/revoke")
        .slice(inVain)
        .map(({ form }) => form.get("token_type_hint")),
    ).toEqual(["refresh_token", "access_token"]);
    await w.pass(10 * day);
    expect(provider.at("/revoke")).toHaveLength(inVain + 2);
  });

  test("one that never listens is given up after days, and the log says so", async () => {
    const w = await world();
    const id = await w.signIn("acme", "code");
    revoked = { status: 503 };
    await w.engine.connections.remove(admin, id);
    await w.pass(20 * day);
    expect([await kept(w, id), provider.at("/revoke").length]).toEqual([null, 10]);
    expect((await w.log(id)).at(-1)).toBe("revocation_failed");
  });

  test("one that refuses for good is told once", async () => {
    const w = await world();
    const id = await w.signIn("acme", "code");
    revoked = { status: 400, body: { error: "invalid_request" } };
    const told = await w.engine.connections.remove(admin, id);
    expect(told).toEqual({ provider_revoked: false, provider: { status: 400, error: "invalid_request" } });
    expect(await kept(w, id)).toBeNull();
    await w.pass(day);
    expect(provider.at("/revoke")).toHaveLength(1);
    expect((await w.log(id)).slice(-2)).toEqual(["revoked", "revocation_failed"]);
  });

  test("one that refuses for good after it was away is given up, and the log says so", async () => {
    const w = await world();
    const id = await w.signIn("acme", "code");
    revoked = { status: 503 };
    await w.engine.connections.remove(admin, id);
    revoked = { status: 400, body: { error: "invalid_request" } };
    await w.pass(day);
    expect([await kept(w, id), provider.at("/revoke").length]).toEqual([null, 2]);
    expect((await w.log(id)).at(-1)).toBe("revocation_failed");
  });

  test.each([
    [401, "invalid_client"],
    [400, "unauthorized_client"],
  ])("one that refuses the app and not the token (%i %s) is told again", async (status, error) => {
    const w = await world();
    const id = await w.signIn("acme", "code");
    revoked = { status, body: { error } };
    const told = await w.engine.connections.remove(admin, id);
    expect(told).toEqual({ provider_revoked: false, retrying: true, provider: { status, error } });
    await w.pass(hour);
    const inVain = provider.at("/revoke").length;
    revoked = { status: 200 };
    await w.pass(3 * hour);
    expect([await kept(w, id), provider.at("/revoke").length]).toEqual([null, inVain + 2]);
    expect(await w.log(id)).not.toContain("revocation_failed");
  });

  test("two who disconnect at once end it once", async () => {
    const w = await world();
    const id = await w.signIn("acme", "code");
    const ends = await Promise.allSettled([w.engine.connections.remove(admin, id), w.engine.connections.remove(admin, id)]);
    expect(ends.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
    expect((await w.log(id)).filter((line) => line === "revoked")).toHaveLength(1);
    expect(provider.at("/revoke")).toHaveLength(2);
  });

  test("who signs in again after a long time is not idle", async () => {
    const w = await world({ policy: { maxIdle: 30 * day } });
    const id = await w.signIn("acme", "code");
    await run(w, id);
    token = () => ({ status: 400, body: { error: "invalid_grant" } });
    await w.pass(60 * day);
    expect((await look(w, id)).status).toBe("needs_reauth");
    token = () => fresh();
    expect(await w.signIn("acme", "code")).not.toBe(id);
    await w.pass(day);
    expect((await look(w, id)).status).toBe("connected");
  });

  test("a draft that two people sign in to stays what the first made of it", async () => {
    const w = await world();
    const known = await w.signIn("acme", "code");
    const draft = await w.begin("acme");
    const [first, second] = [await w.flow(draft), await w.flow(draft)];
    expect((await w.finish("acme", first)).connection.id).toBe(known);
    me = { body: { id: 8, name: "Bob" } };
    expect(await w.finish("acme", second)).toMatchObject({ outcome: "failed", error: { code: "account_mismatch" } });
    expect(await w.store.connections.get(draft)).toMatchObject({ alias_of: known, sealed_credential: null });
    expect((await w.store.connections.get(known))?.unique_id).toBe("7");
  });

  test("a connection that nobody uses is disconnected after the days that the deployment allows, at the provider too", async () => {
    const w = await world({ policy: { maxIdle: 30 * day } });
    const [used, idle] = [await w.signIn("acme", "code", "ada"), await w.signIn("acme", "code", "alan")];
    for (let week = 0; week < 8; week++) {
      await run(w, used);
      await w.pass(7 * day);
    }
    expect((await look(w, used)).status).toBe("connected");
    await expect(look(w, idle)).rejects.toMatchObject({ code: "connection_revoked" });
    expect((await w.log(idle)).at(-1)).toBe("revoked connection_idle");
  });
});
