import { readdirSync } from "node:fs";
import { join } from "node:path";
import { JackfieldError, type Store } from "@jackfield/engine";
import { openSpool } from "../../packages/server/src/spool.ts";
import type { SqliteStore } from "../../packages/server/src/store/sqlite.ts";
import { cleanup, temporary } from "../harness/cleanup.ts";
import { type OddProvider, type Reply, startOddProvider } from "../provider/odd.ts";
import { admin, createWorld, hour, minute, type World, type WorldOptions } from "./world.ts";

// A provider that takes each refresh token once, and ends all that follows from one which comes twice: what is lost on the way is lost, and
// nothing else is. On a clock that the test moves.

afterAll(cleanup);

let provider: OddProvider;
let issued = 0;
/** The only refresh token that is good, and whether one that came twice has ended it. */
let good = "";
let ended = false;
/** What becomes of the next answers, when the provider has done its work or before it. */
let fate: (done: () => Reply) => Reply | Promise<Reply>;
/** When the test says so, once asked. */
let gate: Promise<void> = Promise.resolve();

const lost: Reply = { broken: true };

function grant(form: URLSearchParams): Reply {
  if (form.get("grant_type") === "refresh_token") {
    if (form.get("refresh_token") !== good) ended = true;
    if (ended) return { status: 400, body: { error: "invalid_grant" } };
  }
  issued += 1;
  good = `canary-refresh-${issued}`;
  return { body: { access_token: `canary-access-${issued}`, refresh_token: good, expires_in: 3600 } };
}

beforeAll(async () => {
  provider = await startOddProvider({
    "/token": async ({ form }) => {
      const reply = form.get("grant_type") === "refresh_token" ? await fate(() => grant(form)) : grant(form);
      await gate;
      return reply;
    },
    "/introspect": ({ form }) => ({ body: { active: form.get("token") === good } }),
    "/me": () => ({ body: { id: 7, name: "Ada" } }),
    "/items": ({ headers }) => ({ status: headers.authorization === `Bearer canary-access-${issued}` ? 200 : 401, body: [] }),
  });
});

beforeEach(() => {
  provider.seen.length = 0;
  ended = false;
  fate = (done) => done();
  gate = Promise.resolve();
});

const manifest = (refresh = "rotation: always", more = "") => `manifest: 1
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
${more}    test: { request: { path: /me } }
    label: "{{ me.name }}"
    unique_id: me.id
actions: { list: { title: List, request: { path: /items } } }
`;

const introspection = () => `    introspection: { url: ${provider.url}/introspect }\n`;
const world = (options: Partial<WorldOptions> = {}) => createWorld({ manifests: [manifest()], ...options });
const sent = () =>
  provider.at("/token").flatMap(({ form }) => (form.get("grant_type") === "refresh_token" ? [form.get("refresh_token")] : []));
const look = (w: World, id: string) => w.engine.connections.get(admin, id);
const run = (w: World, id: string) => w.engine.steps.run(admin, id, "list", {});
const refresh = (w: World, id: string) => w.engine.connections.refresh(admin, id);
const codeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: JackfieldError) => error.code,
  );

test("an answer that is lost is not asked for again: the access token is used until it ends, then its person is needed", async () => {
  const w = await world();
  const id = await w.signIn("acme", "code");
  fate = () => lost;
  await w.pass(50 * minute);
  expect(sent()).toHaveLength(1);
  fate = (done) => done();
  await run(w, id);
  const { expires_at } = await look(w, id);
  expect(await look(w, id)).toMatchObject({
    status: "connected",
    reauth_by: expires_at,
    error: { code: "refresh_answer_lost", hint: expect.stringContaining("Reconnect") },
  });
  expect(await codeOf(refresh(w, id))).toBe("refresh_answer_lost");
  await w.pass(20 * minute);
  expect(await look(w, id)).toMatchObject({ status: "needs_reauth", error: { code: "refresh_answer_lost" } });
  expect(await codeOf(run(w, id))).toBe("needs_reauth");
  await w.pass(48 * hour);
  expect([sent().length, ended]).toEqual([1, false]);
  const log = await w.log(id);
  expect(log.filter((line) => line.startsWith("refresh_failed"))).toEqual(["refresh_failed refresh_answer_lost"]);
  expect(log.filter((line) => line.startsWith("needs_reauth"))).toEqual(["needs_reauth refresh_answer_lost"]);
});

test("a new sign-in makes a connection well whose answer was lost", async () => {
  const w = await world();
  const id = await w.signIn("acme", "code");
  fate = () => lost;
  await w.pass(2 * hour);
  fate = (done) => done();
  await w.finish("acme", await w.flow(id));
  expect(await look(w, id)).toMatchObject({ status: "connected", error: null });
  await w.pass(3 * hour);
  await run(w, id);
  expect(await look(w, id)).toMatchObject({ status: "connected", error: null, reauth_by: null });
});

test.each([
  ["refuses to do anything for a while", { status: 503 }],
  ["asks for patience", { status: 429, headers: { "retry-after": "60" } }],
])("a provider that %s has not taken the refresh token: it is sent again", async (_, reply) => {
  const w = await world();
  const id = await w.signIn("acme", "code");
  fate = () => reply;
  await w.pass(65 * minute);
  const tries = sent().length;
  expect(tries).toBeGreaterThan(1);
  fate = (done) => done();
  await w.pass(hour);
  expect(await look(w, id)).toMatchObject({ status: "connected", error: null });
  await run(w, id);
});

test("a provider that can be asked what the token is worth is asked, and a token that it did not take is sent again", async () => {
  const w = await world({ manifests: [manifest("rotation: always", introspection())] });
  const id = await w.signIn("acme", "code");
  fate = () => lost;
  expect(await codeOf(refresh(w, id))).toBe("refresh_answer_lost");
  fate = (done) => done();
  await refresh(w, id);
  expect(provider.at("/introspect").map(({ form }) => form.get("token_type_hint"))).toEqual(["refresh_token"]);
  expect(sent()).toHaveLength(2);
  expect(await look(w, id)).toMatchObject({ status: "connected", error: null });
});

test("one that it took is not sent again, although the provider can be asked", async () => {
  const w = await world({ manifests: [manifest("rotation: always", introspection())] });
  const id = await w.signIn("acme", "code");
  fate = (done) => {
    done();
    return lost;
  };
  await refresh(w, id).catch(() => undefined);
  fate = (done) => done();
  await w.pass(2 * hour);
  expect([sent().length, ended]).toEqual([1, false]);
  expect(await look(w, id)).toMatchObject({ status: "needs_reauth", error: { code: "refresh_answer_lost" } });
});

test("a provider that can be asked is not asked while the process that was about to send the token may still do so", async () => {
  const w = await world({ manifests: [manifest("rotation: always", introspection())] });
  const id = await w.signIn("acme", "code");
  await w.store.connections.update(id, { refreshing: new Date(w.now).toISOString() });
  expect(await codeOf(refresh(w, id))).toBe("provider_timeout");
  expect([provider.at("/introspect"), sent()]).toEqual([[], []]);
  w.skip(10 * minute);
  await refresh(w, id);
  expect([provider.at("/introspect").length, sent().length]).toEqual([1, 1]);
});

test("within the grace it is sent again, after it no more", async () => {
  const w = await world({ manifests: [manifest("rotation: always, grace: 2m")] });
  const id = await w.signIn("acme", "code");
  fate = () => lost;
  await refresh(w, id).catch(() => undefined);
  expect(sent()).toHaveLength(2);
  w.skip(minute);
  await refresh(w, id).catch(() => undefined);
  expect(sent().length).toBeGreaterThan(2);
  const tries = sent().length;
  w.skip(2 * minute);
  expect(await codeOf(refresh(w, id))).toBe("provider_timeout");
  w.skip(10 * minute);
  expect(await codeOf(refresh(w, id))).toBe("refresh_answer_lost");
  expect(sent()).toHaveLength(tries);
});

test("what a process that died had sent is not sent by the next, which waits for an answer that somebody may still store", async () => {
  const w = await world();
  const id = await w.signIn("acme", "code");
  const record = await w.store.connections.get(id);
  await w.store.connections.update(id, { refreshing: new Date(w.now).toISOString() });
  expect(await codeOf(refresh(w, id))).toBe("provider_timeout");
  await run(w, id);
  await w.pass(50 * minute);
  expect(await look(w, id)).toMatchObject({ status: "connected", error: null });
  await w.pass(15 * minute);
  expect(await look(w, id)).toMatchObject({ status: "needs_reauth", error: { code: "refresh_answer_lost" } });
  expect([sent(), record?.refreshing]).toEqual([[], null]);
});

test("an answer that comes after everybody has given it up makes the connection well again", async () => {
  const w = await world();
  const id = await w.signIn("acme", "code");
  let open = (): void => {};
  gate = new Promise((resolve) => {
    open = resolve;
  });
  const slow = refresh(w, id);
  while (sent().length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  // Another process would take the connection over once the lease has run out.
  await w.store.connections.update(id, { status: "needs_reauth" });
  open();
  await slow;
  expect(await look(w, id)).toMatchObject({ status: "connected", error: null });
  expect((await w.log(id)).slice(-2)).toEqual(["refreshed", "recovered"]);
});

describe("a store that does not take the answer", () => {
  const folder = () => join(temporary(), "spool");
  const failing =
    (state: { down: boolean }) =>
    (store: SqliteStore): Store => ({
      ...store,
      connections: {
        ...store.connections,
        update: (id, patch, options) =>
          state.down && patch.credential_version !== undefined
            ? Promise.reject(new JackfieldError("store_unavailable"))
            : store.connections.update(id, patch, options),
      },
    });
  /** A world in which a refresh has brought an answer that could not be stored, and which was then stopped. */
  const spooled = async (path: string) => {
    const state = { down: true };
    const waiting: (() => void)[] = [];
    const w = await createWorld({
      manifests: [manifest()],
      storeFor: failing(state),
      spool: openSpool(path),
      sleepFor: () => new Promise((_, reject) => waiting.push(() => reject(new JackfieldError("stopping")))),
    });
    const id = await (async () => {
      state.down = false;
      const made = await w.signIn("acme", "code");
      state.down = true;
      return made;
    })();
    const refreshing = refresh(w, id).catch((error: JackfieldError) => error.code);
    while (waiting.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    return { w, id, state, refreshing, stop: () => waiting.map((end) => end()) };
  };

  test("finds it again when it is back, and it was asked for once", async () => {
    const path = folder();
    const { w, id, state, refreshing, stop } = await spooled(path);
    expect(readdirSync(path)).toEqual([`${id}.1.json`]);
    stop();
    expect(await refreshing).toBe("stopping");
    state.down = false;
    await w.restart();
    expect(await look(w, id)).toMatchObject({ status: "connected", error: null });
    expect(readdirSync(path)).toEqual([]);
    await run(w, id);
    expect([sent().length, ended]).toEqual([1, false]);
    await w.restart();
    expect((await w.log(id)).filter((line) => line === "refreshed")).toHaveLength(1);
  });

  test("that takes a new sign-in meanwhile keeps that one", async () => {
    const path = folder();
    const { w, id, state, refreshing, stop } = await spooled(path);
    state.down = false;
    await w.finish("acme", await w.flow(id));
    stop();
    await refreshing;
    const { sealed_credential } = (await w.store.connections.get(id)) ?? {};
    await w.restart();
    expect((await w.store.connections.get(id))?.sealed_credential).toBe(sealed_credential);
    expect(readdirSync(path)).toEqual([]);
    await run(w, id);
  });

  test("what is kept meanwhile holds no secret in the clear", async () => {
    const path = folder();
    const { refreshing, stop } = await spooled(path);
    const [{ text } = { text: "" }] = await openSpool(path).list();
    expect(text).toContain("sealed_credential");
    expect(text).not.toContain("canary");
    stop();
    await refreshing;
  });
});
