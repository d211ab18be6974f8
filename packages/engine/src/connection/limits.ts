import { JackfieldError } from "../errors.ts";
import type { Runtime } from "../runtime.ts";
import { type Actor, type Limits, system } from "./actor.ts";
import { follow } from "./open.ts";
import type { ConnectionEvent, ConnectionRecord } from "./record.ts";

/*
 * What an actor reaches. A connect session stands for somebody who has no key: it is told apart here, below all routes, and whatever is
 * not said to belong to connecting is refused.
 */

/** How many connections one connect session may make, drafts among them: its holder is unknown to us. */
const mostMade = 50;

/** What a person does with a connection while connecting, or anything else. */
export type Purpose = "connect" | "use";

/** The actor, if it may do more than connect. Throws `forbidden`. */
export function mayUse(actor: Actor): Actor {
  if (actor.limits !== undefined) throw new JackfieldError("forbidden", limited);
  return actor;
}

const limited = {
  detail: "A connect session may only connect.",
  hint: "Use an API key for that.",
} as const;

/** Whether a connector, and a way to connect and an environment of it, are within limits. */
export function allows(
  limits: Limits | undefined,
  { connector, auth, environment }: { readonly connector: string; readonly auth?: string; readonly environment?: string },
): boolean {
  if (limits === undefined) return true;
  const fits = (limit: string | null, value: string | undefined) => limit === null || value === undefined || value === limit;
  return (limits.connectors?.includes(connector) ?? true) && fits(limits.auth, auth) && fits(limits.environment, environment);
}

/** Throws unless the actor may make such a connection: `forbidden`, `connect_session_full`, or as for somebody who asks for what is not there. */
export async function refuseUnlessMayMake(
  runtime: Runtime,
  { limits, owner }: Actor,
  made: Pick<ConnectionRecord, "connector" | "auth" | "environment" | "owner">,
): Promise<void> {
  if (limits === undefined) return;
  if (limits.connection !== null || made.owner !== owner) throw new JackfieldError("forbidden", limited);
  const { connector, auth, environment } = made;
  if (!allows(limits, { connector })) throw new JackfieldError("connector_unknown");
  if (!allows(limits, { connector, auth })) throw new JackfieldError("auth_unknown");
  if (!allows(limits, { connector, auth, environment })) throw new JackfieldError("environment_unknown");
  if ((await runtime.store.connections.madeIn(limits.session)).length >= mostMade)
    throw new JackfieldError("connect_session_full");
}

/** Whether a record, which is no alias, is within the actor's reach. */
export async function reaches(runtime: Runtime, actor: Actor, record: ConnectionRecord): Promise<boolean> {
  if (record.workspace !== actor.workspace) return false;
  if (actor.limits === undefined) return actor.all || record.owner === actor.owner;
  return (await within(runtime, actor, actor.limits)).some(({ id }) => id === record.id);
}

/**
 * What an actor with limits reaches: the connection that it may reconnect and those that were made under its limits, each as what it
 * stands for. The same account may have been connected before: who has just signed in to it reaches that connection.
 */
async function within(runtime: Runtime, { workspace, owner }: Actor, limits: Limits): Promise<readonly ConnectionRecord[]> {
  const { connections } = runtime.store;
  const named = limits.connection === null ? undefined : await connections.get(limits.connection);
  const own = new Map<string, ConnectionRecord>();
  for (const record of [...(named === undefined ? [] : [named]), ...(await connections.madeIn(limits.session))]) {
    const target = record.alias_of === null ? record : await follow(runtime, record.alias_of);
    if (target?.workspace === workspace && target.owner === owner) own.set(target.id, target);
  }
  return [...own.values()];
}

/** Of what an actor with limits reaches, what was connected under them and still exists. */
export async function connectedWithin(runtime: Runtime, actor: Actor, limits: Limits): Promise<readonly ConnectionRecord[]> {
  const own = await within(runtime, actor, limits);
  const connected = (record: ConnectionRecord) =>
    record.id === limits.connection ? record.connected_by === actor.id : record.credential_version > 0;
  return own.filter((record) => record.status !== "revoked" && connected(record));
}

/**
 * Whose events an actor with limits reads; undefined: everybody's. It may have connected an account that was connected before: what others
 * do with that connection is not its business.
 */
export const actorsShownTo = ({ id, limits }: Actor): readonly string[] | undefined =>
  limits === undefined ? undefined : [id, system];

/** An event as an actor who watches is told of it: one with limits learns what becomes of the connection, and not through whom. */
export function shownTo(actor: Actor, event: ConnectionEvent): ConnectionEvent | undefined {
  if (actorsShownTo(actor)?.includes(event.actor) ?? true) return event;
  return event.type === "used" ? undefined : { ...event, actor: system };
}
