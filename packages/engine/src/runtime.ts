import type { AuthVersion, Connector } from "@jackfield/manifest";
import type { Scouts } from "./connection/app/scouts.ts";
import type { EventLog } from "./connection/event-log.ts";
import type { Sealer } from "./connection/seal.ts";
import type { Store } from "./connection/store.ts";
import type { Traffic } from "./connection/traffic.ts";
import type { Pace } from "./connection/upkeep/pace.ts";
import type { GrantContext } from "./grant/token-endpoint.ts";
import type { Log } from "./log.ts";
import type { Queue } from "./queue.ts";
import type { Spool } from "./spool.ts";
import type { Telemetry } from "./telemetry.ts";

/** Connectors by name. */
export interface Registry {
  get(name: string): Connector | undefined;
  list(): readonly Connector[];
  /** The auth block of a version that is kept, as a connector of its own. Answers from memory: steps ask. */
  kept(version: string): Connector | undefined;
  /** Keeps a version for the connections that are made with it: when this resolves, it is stored. */
  keep(version: AuthVersion): Promise<void>;
  /**
   * Brings what a record or a request names into memory, where another process brought it into the store. Undefined where it is known
   * already: steps ask. Without it, whatever is not known is not there.
   */
  learn?(named: Named): Promise<void> | undefined;
}

/** A connector, and the version of a way to connect of it. */
export interface Named {
  readonly connector: string;
  readonly auth_version?: string | null | undefined;
}

/** What templates know of this deployment. */
export interface Platform {
  /** The public URL, without a trailing slash. */
  readonly url: string;
  /** The demonstration provider's URL, where it is on. */
  readonly sandbox_url?: string | undefined;
}

/** What this deployment allows; times in milliseconds. */
export interface Policy {
  /** Whether people's passwords may be spent for tokens (RFC 6749 §4.3). Default: true. */
  readonly passwordGrant?: boolean | undefined;
  /** A token that can be replaced is replaced once it is this old, whatever the provider says of its life. */
  readonly maxTokenAge?: number | undefined;
  /** How long the answer of a token endpoint is waited for. Default: 30 seconds. */
  readonly tokenTimeout?: number | undefined;
  /** A connection that nobody used for so long is disconnected. */
  readonly maxIdle?: number | undefined;
}

/** What every function of the engine works with: made once by `createEngine`, passed as the first argument. */
export interface Runtime extends GrantContext {
  readonly connectors: Registry;
  readonly store: Store;
  readonly queue: Queue;
  /** Where answers are kept that the store does not take; without it in memory alone. */
  readonly spool?: Spool | undefined;
  readonly sealer: Sealer;
  readonly platform: Platform;
  readonly policy: Policy;
  readonly events: EventLog;
  /** Whose log takes what cannot be told whose it is. */
  readonly workspace: string;
  /** Who asks a token endpoint first, where it is not known whether it takes the app. */
  readonly scouts: Scouts;
  readonly pace: Pace;
  /** When a connection's next request may be made. */
  readonly traffic: Traffic;
  readonly log: Log;
  readonly telemetry: Telemetry;
  /** Whether a connect session, by its actor's id, may still be used. */
  readonly admits: (actor: string) => boolean | Promise<boolean>;
  /** Whether a host, without its port, may be spoken to in plain http. */
  readonly plainHttp: (host: string) => boolean;
  /** Milliseconds since the epoch. */
  readonly clock: () => number;
  /** Resolves after so many milliseconds. Throws `stopping` as soon as the engine stops. */
  readonly sleep: (ms: number) => Promise<void>;
}
