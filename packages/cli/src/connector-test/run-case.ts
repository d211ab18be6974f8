// One case: a connection of the real engine, with a store of its own and a recorded provider.

import { createHmac } from "node:crypto";
import {
  type Actor,
  type Connection,
  createEngine,
  createSealer,
  type Engine,
  JackfieldError,
  type KeyRing,
  type Store,
} from "@jackfield/engine";
import type { Auth, Connector } from "@jackfield/manifest";
import { countingRandom, state } from "./chance.ts";
import { fits, settledValue } from "./compare.ts";
import type { ActionCase, Case } from "./format.ts";
import { withKeys } from "./keys.ts";
import { type Findings, type Path, Replay } from "./replay.ts";
import { Time } from "./time.ts";

const actor: Actor = { id: "key/test", workspace: "test", owner: "test", all: false, via: "key" };
const keys: KeyRing = { active: "test", get: () => Buffer.alloc(32, 7) };
const url = "https://jackfield.example";
const defaultNow = "2026-01-01T00:00:00Z";

/** What a case is run with. */
interface Run {
  readonly connector: Connector;
  readonly auth: Auth;
  readonly given: Case;
  readonly path: Path;
  readonly engine: Engine;
  readonly store: Store;
  readonly replay: Replay;
  readonly findings: Findings;
  readonly time: Time;
}

/** Runs a case. What it shows is compared by the caller. Throws nothing that the engine says. */
export async function runCase(connector: Connector, given: Case, path: Path): Promise<Findings> {
  const findings: Findings = { observations: [], troubles: [] };
  const auth = connector.auth[given.auth ?? Object.keys(connector.auth)[0] ?? ""];
  const now = Date.parse(given.now ?? defaultNow);
  if (auth === undefined) findings.troubles.push({ path: [...path, "auth"], message: `There is no auth ${given.auth}.` });
  if (Number.isNaN(now)) findings.troubles.push({ path: [...path, "now"], message: "This is no time in ISO 8601." });
  if (auth === undefined || Number.isNaN(now)) return findings;

  // The server is loaded only here: the other commands do not need it.
  const { openStore } = await import("@jackfield/server");
  const store = openStore(":memory:");
  const time = new Time(now);
  const { clock, queue } = time;
  const replay = new Replay(findings, clock);
  const engine = createEngine({
    connectors: {
      get: (name) => (name === connector.name ? connector : undefined),
      list: () => [connector],
      kept: () => undefined,
      keep: async () => {},
    },
    store,
    queue,
    keys,
    platform: { url, sandbox_url: `${url}/sandbox` },
    egress: replay,
    // Only what the case records is asked for.
    discovery: false,
    log: () => {},
    clock,
    random: countingRandom(),
    // What a provider asks to wait is not waited for.
    sleep: async () => {},
  });
  try {
    await run({ connector, auth, given, path, engine, store, replay, findings, time });
  } finally {
    await engine.stop();
    await store.close();
  }
  return findings;
}

async function run(it: Run): Promise<void> {
  const { given, path, replay, findings } = it;
  const outcome = await replay.play([...path, "exchanges"], given.exchanges, () => connect(it));
  observe(it, ["expect"], given.expect, outcome.shown);
  const { connection } = outcome;
  if (connection?.status !== "connected") {
    const unused = (["actions", "refresh", "disconnect", "whitelist"] as const).filter((part) => given[part] !== undefined);
    for (const part of unused)
      findings.troubles.push({ path: [...path, part], message: "There is no connection to do this with." });
    return;
  }
  for (const [index, action] of (given.actions ?? []).entries()) await runAction(it, connection, action, index);
  await judgeUrls(it, connection);
  if (given.refresh !== undefined) await refresh(it, connection, given.refresh);
  if (given.disconnect !== undefined) await disconnect(it, connection, given.disconnect);
}

function observe({ path, findings }: Run, below: Path, expected: unknown, actual: unknown): void {
  if (expected === undefined && actual === undefined) return;
  findings.observations.push({ path: [...path, ...below], expected, actual: settledValue(actual) });
}

interface Outcome {
  readonly connection: Connection | undefined;
  /** What is compared. */
  readonly shown: unknown;
}

/** Creates the connection, and signs in where that is how one connects. */
async function connect(it: Run): Promise<Outcome> {
  const { connector, auth, given, engine } = it;
  let authorization_url: string | undefined;
  try {
    const environment = given.environment ?? Object.keys(connector.environments)[0] ?? "";
    if (takesApp(auth, given)) {
      const app = { client_id: "CLIENT_ID", client_secret: "CLIENT_SECRET", ...withKeys(given.app ?? {}) };
      await engine.apps.put(actor, connector.name, auth.id, environment, app);
    }
    const created = await engine.connections.create(actor, {
      connector: connector.name,
      auth: auth.id,
      environment: given.environment,
      fields: withKeys(given.fields ?? {}),
    });
    let { connection } = created;
    if (connection.status === "draft") {
      // An action that lacks a scope leaves it here, and the next sign-in asks for it.
      if (given.scopes !== undefined) await it.store.connections.update(connection.id, { missing_scopes: given.scopes });
      const begun = await engine.authorization.begin(actor, connection.id);
      if (begun.user_code === undefined) {
        const ticket = begun.authorization_url.split("/").pop() ?? "";
        const opened = await engine.authorization.open(ticket, undefined, undefined);
        authorization_url = opened.location;
        const query = await callbackQuery(it, opened.location);
        ({ connection } = await engine.authorization.finish(connector.name, query, opened.browser, undefined));
      } else {
        ({ authorization_url } = begun);
        connection = await confirmed(it, connection);
      }
    }
    return {
      connection,
      shown: { ...(authorization_url === undefined ? {} : { authorization_url }), ...(await shownOf(it, connection)) },
    };
  } catch (cause) {
    return {
      connection: undefined,
      shown: { ...(authorization_url === undefined ? {} : { authorization_url }), error: errorOf(cause) },
    };
  }
}

/** Waits for a code to be confirmed on another device, as long as there are answers. */
async function confirmed({ engine, time, findings }: Run, { id }: Connection): Promise<Connection> {
  await engine.start();
  const before = findings.troubles.length;
  while (findings.troubles.length === before && (await time.runNext("device")));
  return engine.connections.get(actor, id);
}

/** Whether an admin's app is needed; a connection may bring its own. */
function takesApp(auth: Auth, given: Case): boolean {
  if (!("client" in auth) || auth.client.source === "connection" || auth.client.source === "none") return false;
  return auth.client.source === "app" || given.fields?.client_id === undefined;
}

/** What the browser brings back: the author's parameters, and the state. */
async function callbackQuery({ auth, given, time }: Run, location: string): Promise<string> {
  const oauth1 = auth.type === "oauth1";
  const code = auth.type === "oauth2" ? auth.callback.code : "oauth_verifier";
  const name = auth.type === "oauth2" ? auth.callback.state : "oauth_token";
  const value = oauth1 ? (new URL(location).searchParams.get("oauth_token") ?? "") : state;
  const params = { ...(given.callback ?? { [code]: "CODE" }), [name]: given.callback?.[name] ?? value };
  const query = new URLSearchParams(params);
  if (auth.type !== "oauth2" || auth.callback.verify === undefined || params[auth.callback.verify.param] !== "<hmac>")
    return `${query}`;
  const { param, algorithm, encoding, signed, secret, timestamp } = auth.callback.verify;
  if (timestamp !== undefined && !query.has(timestamp)) query.set(timestamp, String(Math.floor(time.clock() / 1000)));
  query.delete(param);
  const app = { client_id: "CLIENT_ID", client_secret: "CLIENT_SECRET", ...given.app };
  const key = String(await secret.render({ app, fields: given.fields ?? {} }));
  const sorted = [...query].map(([name, value]) => `${name}=${value}`).toSorted();
  const text = signed === "query" ? `${query}` : sorted.join("&");
  query.set(param, createHmac(algorithm, key).update(text, "utf8").digest(encoding));
  return `${query}`;
}

async function shownOf({ store, time }: Run, connection: Connection): Promise<Record<string, unknown>> {
  const { status, label, unique_id, scopes, missing_scopes, expires_at, error } = connection;
  const captures = await capturesOf(store, connection);
  return {
    status,
    ...(label === null ? {} : { label }),
    ...(unique_id === null ? {} : { unique_id }),
    ...(scopes.length === 0 ? {} : { scopes }),
    ...(missing_scopes.length === 0 ? {} : { missing_scopes }),
    ...(expires_at === null ? {} : { expires_in: (Date.parse(expires_at) - time.clock()) / 1000 }),
    ...(Object.keys(captures).length === 0 ? {} : { captures }),
    ...(error === null ? {} : { error: { code: error.code, message: error.message } }),
  };
}

/** What was captured from outside is sealed with the credential. */
async function capturesOf(store: Store, { id }: Connection): Promise<Record<string, unknown>> {
  const record = await store.connections.get(id);
  if (!record?.sealed_credential) return {};
  const place = { workspace: record.workspace, connector: record.connector, id, field: "credential" } as const;
  const sealed = createSealer(keys, countingRandom()).open(place, record.sealed_credential) as { known?: Record<string, object> };
  return Object.fromEntries(Object.entries(sealed.known ?? {}).filter(([, kept]) => Object.keys(kept).length > 0));
}

/** What a program gets of an error. */
function errorOf(cause: unknown): Readonly<Record<string, unknown>> {
  if (!(cause instanceof JackfieldError)) throw cause;
  return { code: cause.code, message: cause.message };
}

async function runAction(it: Run, { id }: Connection, action: ActionCase, index: number): Promise<void> {
  const { engine, replay, path } = it;
  const below = ["actions", index] as const;
  const ended = await replay.play([...path, ...below, "exchanges"], action.exchanges, async () => {
    try {
      return { output: (await engine.steps.run(actor, id, action.name, action.input ?? {})).output ?? null };
    } catch (cause) {
      return { error: errorOf(cause) };
    }
  });
  observe(it, [...below, "output"], action.output, "output" in ended ? ended.output : undefined);
  observe(it, [...below, "error"], action.error, "error" in ended ? ended.error : undefined);
}

/** The engine's own judgement: where a call of the API may be redirected to with its credential. */
async function judgeUrls({ given, path, engine, replay, findings }: Run, { id }: Connection): Promise<void> {
  const { allowed = [], refused = [] } = given.whitelist ?? {};
  if (allowed.length + refused.length === 0) return;
  if (!replay.judges) {
    // No call was made yet. Any will do, even one that goes nowhere; it is no part of the case.
    const probe = { method: "GET", path: "/", query: "", headers: {}, body: undefined };
    await replay.aside(() => engine.steps.proxy(actor, id, probe)).catch(errorOf);
  }
  if (!replay.judges)
    findings.troubles.push({ path: [...path, "whitelist"], message: "No call of the API was made that tells it." });
  const judged = [
    ["allowed", allowed, "The credential may not be sent there."],
    ["refused", refused, "The credential may be sent there."],
  ] as const;
  for (const [what, urls, message] of judged) {
    for (const [index, address] of urls.entries()) {
      if (replay.allows(address) !== (what === "allowed"))
        findings.troubles.push({ path: [...path, "whitelist", what, index], message });
    }
  }
}

async function refresh(it: Run, { id }: Connection, { exchanges, expect }: NonNullable<Case["refresh"]>): Promise<void> {
  const { engine, replay, path } = it;
  const shown = await replay.play([...path, "refresh", "exchanges"], exchanges, async () => {
    try {
      return await shownOf(it, await engine.connections.refresh(actor, id));
    } catch (cause) {
      const { status } = await engine.connections.get(actor, id);
      return { status, error: errorOf(cause) };
    }
  });
  observe(it, ["refresh", "expect"], expect, shown);
}

async function disconnect(it: Run, { id }: Connection, { exchanges, expect }: NonNullable<Case["disconnect"]>): Promise<void> {
  const { engine, replay, path } = it;
  const shown = await replay.play([...path, "disconnect", "exchanges"], exchanges, () => engine.connections.remove(actor, id));
  observe(it, ["disconnect", "expect"], expect, shown);
}

/** Whether everything that was made is what was expected. */
export function passes({ observations, troubles }: Findings): boolean {
  return troubles.length === 0 && observations.every(({ expected, actual }) => expected !== undefined && fits(expected, actual));
}
