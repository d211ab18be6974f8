import type { ConnectionEvent, ConnectionRecord } from "@jackfield/engine";
import type { Product } from "../harness/product.ts";
import { until } from "../harness/wait.ts";
import type { Crowd } from "./crowd.ts";
import type { Family, Gate } from "./gate.ts";

/** All that is there when everything has come to rest. */
export interface Evidence {
  readonly gate: Gate;
  readonly crowd: Crowd;
  readonly records: readonly ConnectionRecord[];
  readonly events: readonly ConnectionEvent[];
  /** The connections that the queue still has a refresh for. */
  readonly jobs: readonly string[];
  /** How often a process or the store was ended while refreshes may have been under way. */
  readonly losses: number;
}

export interface Verdict {
  readonly connected: number;
  /** Connections that lost an answer for good, by how it was lost. */
  readonly lost: Readonly<Record<string, number>>;
  readonly refreshes: number;
  /** What broke a guarantee, in words. */
  readonly wrongs: readonly string[];
}

/** How many refreshes a process has under way at most, beside those that a step waits for: so many are lost with it. */
const jobsOfProcess = 8;

/**
 * Waits until each connection has been refreshed once more without an error since this was called, or needs its person. Steps have to go
 * on meanwhile.
 */
export async function settled(product: Product, gate: Gate, crowd: Crowd, timeout: number): Promise<void> {
  const before = new Map(crowd.connections.map((id) => [id, gate.newest(id)]));
  const rests = (id: string, { status, error }: { status: string; error: unknown }) =>
    status === "needs_reauth" || (status === "connected" && error === null && gate.newest(id) > (before.get(id) ?? -1));
  let restless: readonly string[] = [];
  await until(
    "everything to come to rest",
    async () => {
      const all = (await everything(product, "/v1/connections?limit=200")).filter(({ id }) => before.has(id));
      restless = all
        .filter((one) => !rests(one.id, one))
        .map((one) => JSON.stringify([one.id, one.status, one.expires_at, one.error]));
      return all.length === before.size && restless.length === 0;
    },
    { timeout, every: 500 },
  ).catch((cause: unknown) => {
    throw new Error(`${restless.length} did not come to rest, such as\n${restless.slice(0, 5).join("\n")}`, { cause });
  });
}

/** The pages of a list, one after the other. */
// biome-ignore lint/suspicious/noExplicitAny: as the API answers it.
export async function everything(product: Product, path: string): Promise<any[]> {
  const all = [];
  for (let next: string | null = ""; next !== null; ) {
    const { json } = await product.get(`${path}${next === "" ? "" : `&cursor=${encodeURIComponent(next)}`}`);
    all.push(...json.items);
    next = json.next;
  }
  return all;
}

/** Compares what the store and the log say with what the gate saw. */
export function judge({ gate, crowd, records, events, jobs, losses }: Evidence): Verdict {
  const wrongs = [...gate.wrongs, ...crowd.wrongs, ...twice(events)];
  const lost: Record<string, number> = {};
  let connected = 0;
  for (const id of crowd.connections) {
    const record = records.find((one) => one.id === id);
    const family = gate.familyOf(id);
    if (record === undefined || family === undefined) {
      wrongs.push(`${id} is gone`);
      continue;
    }
    const how = fate(record, family);
    if (how === "connected") connected += 1;
    else if (how.startsWith("lost: ")) lost[how.slice(6)] = (lost[how.slice(6)] ?? 0) + 1;
    else wrongs.push(`${id} ${how}`);
    const own = events.filter(({ connection }) => connection === id);
    wrongs.push(...Array.from(logged(record, own), (text) => `${id}: ${text}`));
    if (record.status !== "connected" && jobs.includes(id))
      wrongs.push(`${id} is ${record.status}, and its refresh is still queued`);
    if (crowd.refused.has(id) && !own.some(({ type }) => type === "needs_reauth"))
      wrongs.push(`a step of ${id} was told that it needs its person, and nothing had ended it`);
  }
  const { dropped: _, ...ended } = lost;
  const most = losses * (jobsOfProcess + crowd.workflows);
  const count = Object.values(ended).reduce((sum, one) => sum + one, 0);
  if (count > most) wrongs.push(`${count} answers were lost with processes, which cannot have had more than ${most} under way`);
  const refreshes = events.filter(({ type }) => type === "refreshed").length;
  return { connected, lost, refreshes, wrongs };
}

/** What became of a connection: `connected`, `lost: …` where nothing could be done, or else what is wrong. */
function fate({ status, error, credential_version, refresh_at }: ConnectionRecord, { generations }: Family): string {
  const stored = `token ${credential_version} is stored of ${generations.length}`;
  if (status === "connected") return credential_version === generations.length ? "connected" : `is connected, but ${stored}`;
  if (status !== "needs_reauth" || String(error?.code) !== "refresh_answer_lost") return `is ${status}: ${JSON.stringify(error)}`;
  if (refresh_at !== null) return `needs its person, and yet is to be refreshed at ${refresh_at}`;
  const spent = generations[credential_version - 1];
  if (spent?.forwarded === 0) return "lost: nothing was sent";
  const isNext = generations.length === credential_version + 1;
  return spent?.lost !== undefined && isNext
    ? `lost: ${spent.lost}`
    : `was given up although its answer was delivered; ${stored}`;
}

function* logged(record: ConnectionRecord, events: readonly ConnectionEvent[]): Generator<string> {
  const count = (wanted: ConnectionEvent["type"]) => events.filter(({ type }) => type === wanted).length;
  const refreshed = record.credential_version - 1;
  if (count("refreshed") !== refreshed) yield `${refreshed} refreshes are stored, and ${count("refreshed")} are in the log`;
  const ended = count("needs_reauth") - count("recovered");
  if (ended !== (record.status === "needs_reauth" ? 1 : 0))
    yield `it is ${record.status}, and was ended ${ended} times more than it recovered`;
  for (const type of ["created", "authorized"] as const) if (count(type) !== 1) yield `${count(type)} events say ${type}`;
}

function twice(events: readonly ConnectionEvent[]): string[] {
  const ids = new Set(events.map(({ id }) => id));
  return ids.size === events.length ? [] : [`${events.length - ids.size} events are in the log twice`];
}
