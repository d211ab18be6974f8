import type { Runtime } from "../../runtime.ts";
import { system } from "../actor.ts";
import type { AppRecord, StoredClient } from "../record.ts";
import { type AppChange, appEvent, changeApp, countUsers } from "./record.ts";

/*
 * What time does to an app: the secret before the present one is given up, the end of the secret is told in good time, and a former client
 * goes when no connection lives by it any more. `tend_at` says when to look again, so that nothing is missed by a restart.
 */

const day = 86_400_000;

/** How long before the end of a secret the admin is told. */
const warning = 30 * day;

/** Longer than a sign-in takes, and longer than a provider is told again that a connection has ended: both need the client. */
const grace = 5 * day;

const batch = 100;

/** Does what is due, for every app. Runs with the sweep. */
export async function tendApps(runtime: Runtime): Promise<void> {
  // What is due at this very moment counts.
  const until = new Date(runtime.clock() + 1).toISOString();
  for (const app of await runtime.store.apps.due(until, batch)) {
    const used = new Set<string>();
    for (const { client_id } of app.former) if ((await countUsers(runtime, app, client_id)) > 0) used.add(client_id);
    await changeApp(runtime, app, (stored) => {
      if (stored === undefined) return undefined;
      const former = stored.former
        .map((each) => ({ ...each, unused_since: used.has(each.client_id) ? null : (each.unused_since ?? iso(runtime.clock())) }))
        .filter(({ unused_since }) => unused_since === null || runtime.clock() - Date.parse(unused_since) < grace);
      return settled(runtime, { ...stored, former });
    });
  }
}

const iso = (time: number) => new Date(time).toISOString();

/** The app as it should stand now, and what is to be told of it. */
export function settled(runtime: Pick<Runtime, "clock" | "events">, app: AppRecord): AppChange {
  const now = runtime.clock();
  const current = withoutOldSecret(app, now);
  const former = app.former.map((each) => withoutOldSecret(each, now));
  const stage = expiryOf(app.expires_on, now);
  const record: AppRecord = { ...current, former, expiry_told: stage };
  const { client_id, expires_on } = app;
  const isNews = stage !== null && stage !== app.expiry_told && expires_on !== null;
  return {
    record: { ...record, tend_at: nextTime(record, now) },
    events: isNews ? [appEvent(runtime, app, `app.${stage}`, { actor: system, client_id, expires_on })] : [],
  };
}

function withoutOldSecret<Client extends StoredClient>(client: Client, now: number): Client {
  const until = client.previous_secret_until;
  if (until === null || Date.parse(until) > now) return client;
  return { ...client, sealed_previous: null, previous_secret_until: null, previous_secret_used: false };
}

/** A day begins at midnight in UTC. */
function expiryOf(expires_on: string | null, now: number): AppRecord["expiry_told"] {
  if (expires_on === null) return null;
  const end = Date.parse(expires_on);
  return now >= end ? "expired" : now >= end - warning ? "expiring" : null;
}

function nextTime(app: AppRecord, now: number): string | null {
  const secrets = [app, ...app.former].flatMap(({ previous_secret_until: until }) => (until === null ? [] : [Date.parse(until)]));
  const end = app.expires_on === null ? undefined : Date.parse(app.expires_on);
  const ends = end === undefined ? [] : [end - warning, end].filter((time) => time > now);
  const times = [...secrets, ...ends, ...(app.former.length > 0 ? [now + day] : [])];
  return times.length === 0 ? null : iso(Math.min(...times));
}
