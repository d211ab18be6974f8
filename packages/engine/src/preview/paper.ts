// A runtime on paper: what is sent is written down, nothing leaves.

import { type ConnectionRecord, untold, untried } from "../connection/record.ts";
import type { Store } from "../connection/store.ts";
import { createPace } from "../connection/upkeep/pace.ts";
import type { Egress, EgressAnswer, EgressRequest } from "../egress/egress.ts";
import { checkHeaders, flatHeaders } from "../egress/headers.ts";
import { parseUrl } from "../egress/whitelist.ts";
import { JackfieldError } from "../errors.ts";
import type { Client } from "../grant/credential.ts";
import { countJobs } from "../queue.ts";
import type { Platform, Runtime } from "../runtime.ts";
import { noTelemetry } from "../telemetry.ts";

/** A request as it would be sent. Header names are lower case; those that every request has (`host`, `user-agent`, …) are left out. */
export interface Sent {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Null where there is none. What is no text in UTF-8 is in base64 behind `base64:`. */
  readonly body: string | null;
}

/** Ends what waits for an answer that nobody gives. */
export class Recorded extends Error {}

function asText(body: Buffer | string): string {
  if (typeof body === "string") return body;
  const text = body.toString("utf8");
  return Buffer.from(text, "utf8").equals(body) ? text : `base64:${body.toString("base64")}`;
}

/** The request as the egress would write it. Throws as `Egress.send` for a request that is not acceptable. */
export function asSent({ method, url, headers, body, cookie }: EgressRequest): Sent {
  const names = Object.entries(flatHeaders(checkHeaders(headers, cookie))).map(
    ([name, value]) => [name.toLowerCase(), value] as const,
  );
  return { method, url: parseUrl(url).href, headers: Object.fromEntries(names), body: body === undefined ? null : asText(body) };
}

/** Writes requests down. Without an answer, whoever sends is stopped by `Recorded`. */
function recordingEgress(record: (sent: Sent) => string | undefined, clock: () => number): Egress {
  const refuse = (): never => {
    throw new Recorded();
  };
  return {
    async send(request): Promise<EgressAnswer> {
      const answer = record(asSent(request));
      if (answer === undefined) return refuse();
      return { status: 200, headers: {}, url: request.url, sentAt: clock(), body: Buffer.from(answer), duration_ms: 0 };
    },
    stream: async () => refuse(),
    close: async () => {},
  };
}

export interface Paper {
  readonly platform: Platform;
  readonly client: Client;
  readonly clock: () => number;
  /** Called with each request; gives the body of its answer, or undefined to stop there. */
  readonly record: (sent: Sent) => string | undefined;
}

/** The runtime that the engine's own functions build their requests with. */
export function paperRuntime({ platform, client, clock, record }: Paper): Runtime {
  const { client_id, client_secret, extra } = client;
  const stored = {
    ...untried,
    client_id,
    fields: {},
    sealed_secret: JSON.stringify({ client_secret, extra }),
    version: 1,
    former: [],
    expires_on: null,
    expiry_told: null,
    tend_at: null,
    created_at: "",
    updated_at: "",
  };
  const store: Pick<Store, "apps"> & { readonly connections: Pick<Store["connections"], "list"> } = {
    apps: {
      get: async (workspace, connector, auth, environment) => ({ workspace, connector, auth, environment, ...stored }),
      list: async () => [],
      due: async () => [],
      put: async () => false,
      delete: async () => false,
    },
    connections: { list: async () => ({ items: [], next: null }) },
  };
  return {
    connectors: { get: () => undefined, list: () => [], kept: () => undefined, keep: nothing },
    // Building a request reads nothing else of these.
    store: store as Store,
    queue: { put: nothing, remove: nothing, work: () => {}, waiting: async () => countJobs(() => 0), close: nothing },
    sealer: { seal: (_place, value) => JSON.stringify(value), open: (_place, sealed) => JSON.parse(sealed) },
    egress: recordingEgress(record, clock),
    platform,
    policy: {},
    plainHttp: () => true,
    events: {} as Runtime["events"],
    workspace: "",
    admits: () => true,
    scouts: { run: (_key, ask) => ask() },
    pace: createPace(clock),
    traffic: { through: (_opened, _left, send) => send() },
    log: () => {},
    telemetry: noTelemetry,
    clock,
    // The same each time, and evidently not random.
    random: (bytes) => Buffer.alloc(bytes),
    sleep: nothing,
  };
}

const nothing = async (): Promise<void> => {};

/** A connection that is not stored anywhere. */
export function paperRecord(
  values: Pick<ConnectionRecord, "connector" | "auth" | "environment" | "id" | "fields">,
): ConnectionRecord {
  return {
    ...untold,
    ...values,
    workspace: "preview",
    owner: "preview",
    status: "connected",
    name: "<connection.name>",
    description: null,
    label: "<connection.label>",
    unique_id: "<connection.unique_id>",
    identity: "preview",
    sealed_fields: null,
    created_at: "",
    updated_at: "",
  };
}

/** What a person reads of a request that could not be built. */
export function reasonOf(cause: unknown): string {
  if (cause instanceof JackfieldError) return cause.message;
  throw cause;
}
