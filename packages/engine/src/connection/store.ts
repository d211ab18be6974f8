import type {
  AppPlace,
  AppRecord,
  ConnectionEvent,
  ConnectionRecord,
  DeliveryRecord,
  Duty,
  EndpointRecord,
  FlowRecord,
  Outgoing,
  Polling,
  Status,
  UsageRecord,
} from "./record.ts";

export interface Page {
  readonly limit: number;
  /** The opaque cursor of the page before. */
  readonly after?: string | undefined;
}

export interface Listed<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

export interface ConnectionFilter {
  readonly workspace: string;
  readonly owner?: string | undefined;
  readonly connector?: string | undefined;
  readonly auth?: string | undefined;
  readonly environment?: string | undefined;
  /** Of the app that the credential was obtained with. */
  readonly client_id?: string | undefined;
  readonly status?: Status | undefined;
  /** Part of name, label, description or unique id; case does not matter. */
  readonly search?: string | undefined;
}

export interface EventFilter {
  readonly workspace: string;
  readonly connection?: string | undefined;
  readonly type?: string | undefined;
  readonly connector?: string | undefined;
  /** The app that they are about, with its `connector`. */
  readonly app?: Pick<AppPlace, "auth" | "environment"> | undefined;
  readonly owner?: string | undefined;
  /** Only what one of these did. */
  readonly actors?: readonly string[] | undefined;
  /** The first moment that counts, and the first that does not; ISO 8601 in UTC. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

/** Something that is due, and when; lists of them are in the order of time, then id. */
export interface Due {
  readonly id: string;
  readonly at: string;
}

/** How many workflows are known of each connection. */
export const mostWorkflows = 1000;

/** Thrown by `insert` and `update` when another connection has the same `identity`. */
export class IdentityTaken extends Error {
  readonly identity: string;
  constructor(identity: string) {
    super("another connection has this identity");
    this.name = "IdentityTaken";
    this.identity = identity;
  }
}

/** A step that its caller may repeat under a key of its own without its being done twice. */
export interface KeptStep {
  /** SHA-256 of the workspace, the connection and the caller's key, hex. */
  readonly id: string;
  readonly workspace: string;
  readonly connector: string;
  readonly connection: string;
  /** The step that was run first. */
  readonly step: string;
  /** When the run has ended at the latest; null: it has. */
  readonly running_until: string | null;
  /** What was asked for and, once it has ended, what was answered. */
  readonly sealed: string;
  readonly expires_at: string;
}

/** A file that steps are given by its id. */
export interface FileRecord {
  readonly id: string;
  readonly workspace: string;
  readonly owner: string;
  readonly name: string | null;
  readonly type: string;
  /** Bytes. */
  readonly size: number;
  readonly created_at: string;
  readonly expires_at: string;
}

/** A part of a file's content. */
export interface FileChunk {
  /** Of the file and the part. */
  readonly id: string;
  readonly file: string;
  readonly workspace: string;
  readonly sealed: string;
  readonly expires_at: string;
}

export type EndpointPatch = Partial<Omit<EndpointRecord, "id" | "workspace" | "created_at">>;
export type DeliveryPatch = Partial<Omit<DeliveryRecord, "id" | "endpoint" | "event" | "created_at">>;
export type ConnectionPatch = Partial<Omit<ConnectionRecord, "id" | "workspace" | "connector" | "made_in" | "created_at">>;

/** What must still be so for a record to be changed. */
export type Expected = Partial<
  Pick<ConnectionRecord, "credential_version" | "status" | "refreshing" | "test_at" | "remind_at" | "revoke_at">
>;

/**
 * Where everything is kept. Every method is atomic on its own and durable when it resolves; no method needs another to be correct.
 * A method that cannot be carried out rejects and has changed nothing. One contract suite runs against every adapter.
 */
export interface Store {
  readonly connections: {
    insert(record: ConnectionRecord, events: readonly ConnectionEvent[]): Promise<void>;
    /** The record of exactly this id; an alias is not followed. */
    get(id: string): Promise<ConnectionRecord | undefined>;
    /** The connection with this `identity`. */
    find(identity: string): Promise<ConnectionRecord | undefined>;
    /**
     * Sets the keys of `patch`, and only those, if the record is there and `expect` holds; appends `events` with it. Gives the record
     * as it is afterwards, or undefined where nothing was changed. Throws `IdentityTaken`.
     */
    update(
      id: string,
      patch: ConnectionPatch,
      options?: {
        readonly expect?: Expected;
        readonly events?: readonly ConnectionEvent[];
      },
    ): Promise<ConnectionRecord | undefined>;
    /** Newest first, without drafts that became aliases and without what was disconnected. */
    list(filter: ConnectionFilter, page: Page): Promise<Listed<ConnectionRecord>>;
    /** How many connections `list` would give. */
    count(filter: ConnectionFilter): Promise<number>;
    /**
     * How many there are in each state, of all workspaces, without what `list` leaves out. It may walk an index over all of them, so it is
     * asked seldom.
     */
    states(): Promise<Readonly<Partial<Record<Status, number>>>>;
    /** What was made in a connect session, oldest first: also what became an alias or was disconnected. */
    madeIn(session: string): Promise<readonly ConnectionRecord[]>;
    /** Connections whose `<duty>_at` is before `time`, the most overdue first; only those that follow `after`, if it is given. */
    due(duty: Duty, time: string, limit: number, after?: Due): Promise<readonly Due[]>;
    /** Ids of connections that are `connected` and were neither used nor signed in to since `time`. */
    idle(time: string, limit: number): Promise<readonly string[]>;
    /** Whether any connection of this connector is stored. */
    uses(workspace: string, connector: string): Promise<boolean>;
    /** Erases the record, its aliases, and their events, usage and kept steps. */
    delete(id: string): Promise<boolean>;
  };
  readonly apps: {
    /**
     * Stores the record and its events in the place of the one whose `version` is `expect`, null where there must be none; without
     * `expect` in the place of any. False where it is otherwise, and nothing was changed.
     */
    put(
      record: AppRecord,
      options?: { readonly expect?: number | null; readonly events?: readonly ConnectionEvent[] },
    ): Promise<boolean>;
    get(workspace: string, connector: string, auth: string, environment: string): Promise<AppRecord | undefined>;
    list(workspace: string, connector: string): Promise<readonly AppRecord[]>;
    /** Apps whose `tend_at` is before `time`, the most overdue first. */
    due(time: string, limit: number): Promise<readonly AppRecord[]>;
    /** Removes the record, if it is there, and appends `events` with it; what was logged stays. */
    delete(
      workspace: string,
      connector: string,
      auth: string,
      environment: string,
      events?: readonly ConnectionEvent[],
    ): Promise<boolean>;
  };
  readonly flows: {
    insert(record: FlowRecord): Promise<void>;
    get(id: string): Promise<FlowRecord | undefined>;
    /** Binds a flow that has no browser yet; gives the flow as it is afterwards, whoever bound it, or undefined. */
    bind(id: string, browserHash: string): Promise<FlowRecord | undefined>;
    /** Takes the flow out: of two callers at once, exactly one gets it. */
    consume(stateHash: string): Promise<FlowRecord | undefined>;
    /** The flows that expired before `time`, the oldest first. */
    expired(time: string, limit: number): Promise<readonly FlowRecord[]>;
    /**
     * Replaces `polling` if the flow is there and is still to be polled at `expect`; gives the flow as it is afterwards, or undefined. Of
     * two callers at once that expect the same, exactly one gets it, as long as it sets another time.
     */
    repoll(id: string, polling: Polling, expect: string): Promise<FlowRecord | undefined>;
    /** Flows that are to be polled before `time`, the most overdue first; only those that follow `after`, if it is given. */
    due(time: string, limit: number, after?: Due): Promise<readonly Due[]>;
    /** Removes the polled flows of a connection and gives them. */
    endPolled(connection: string): Promise<readonly FlowRecord[]>;
  };
  /**
   * However an event comes into the store, what `outgoing` makes of it goes into the outbox with it, with the connection as that write
   * leaves it.
   */
  readonly events: {
    /** An event of a connection that is not there any more is dropped. */
    append(events: readonly ConnectionEvent[]): Promise<void>;
    /** Newest first. */
    list(filter: EventFilter, page: Page): Promise<Listed<ConnectionEvent>>;
    /** What happened to any of these connections at or after `time`, newest first. */
    recent(connections: readonly string[], time: string, limit: number): Promise<readonly ConnectionEvent[]>;
    /** Removes the events from before `time`; gives how many. */
    expire(time: string): Promise<number>;
  };
  /** Events that the event endpoints have to be told of. */
  readonly outbox: {
    /** The oldest first. */
    list(limit: number): Promise<readonly Outgoing[]>;
    /** Stores those of the deliveries that are not there yet, then takes the event out. Done again after a crash, it ends the same. */
    hand(event: string, deliveries: readonly DeliveryRecord[]): Promise<void>;
  };
  readonly endpoints: {
    insert(record: EndpointRecord): Promise<void>;
    get(id: string): Promise<EndpointRecord | undefined>;
    /** Oldest first. */
    list(workspace: string): Promise<readonly EndpointRecord[]>;
    /** Sets the keys of `patch`, and only those, and appends `events` with it; undefined where it is not there or `expect` does not hold. */
    update(
      id: string,
      patch: EndpointPatch,
      options?: { readonly expect?: { readonly enabled: true }; readonly events?: readonly ConnectionEvent[] },
    ): Promise<EndpointRecord | undefined>;
    /** Erases it and its deliveries. */
    delete(id: string): Promise<boolean>;
  };
  readonly deliveries: {
    /** Does nothing where its endpoint is gone. */
    insert(record: DeliveryRecord): Promise<void>;
    /** Newest first. */
    list(endpoint: string, page: Page): Promise<Listed<DeliveryRecord>>;
    /** Those of an endpoint that are still to be made, the most overdue first. */
    pending(endpoint: string, limit: number): Promise<readonly DeliveryRecord[]>;
    /** Endpoints with a delivery that is due before `time`, each with its earliest. */
    due(time: string, limit: number): Promise<readonly { readonly endpoint: string; readonly next_at: string }[]>;
    /** Sets the keys of `patch` if the delivery is there and has been attempted `attempts` times. */
    update(id: string, patch: DeliveryPatch, expect: { readonly attempts: number }): Promise<DeliveryRecord | undefined>;
    /** Removes those from before `time` that nothing more is to be done about. */
    expire(time: string): Promise<number>;
  };
  readonly usage: {
    /**
     * Adds the counts to what is there, and keeps the later time. An entry of a connection that is gone is dropped, and so are those of a
     * connection beyond the `mostWorkflows` last used: who names each run has no end of names.
     */
    add(entries: readonly UsageRecord[]): Promise<void>;
    /** The last used first. */
    list(connection: string): Promise<readonly UsageRecord[]>;
    /** Forgets what was last used before `time`. */
    expire(time: string): Promise<number>;
  };
  /** What steps answered, for callers that repeat them. */
  readonly kept_steps: {
    /**
     * Stores the record unless there is one with its id that expires after `now`; gives the one that is there afterwards. Of two callers at
     * once exactly one is given its own.
     */
    begin(record: KeptStep, now: string): Promise<KeptStep>;
    /** Replaces the record if it is there and still of the same `step`; false where it is not. */
    end(record: KeptStep): Promise<boolean>;
    /** Removes the record if it is there and of this `step`. */
    forget(id: string, step: string): Promise<boolean>;
    /** Removes those of a connection. */
    erase(connection: string): Promise<void>;
    /** Removes those that expire at `time` or before. */
    expire(time: string): Promise<number>;
  };
  /** Files that came with requests, or from providers. */
  readonly files: {
    /** Adds a part of a file whose record follows. */
    addChunk(chunk: FileChunk): Promise<void>;
    /** With it the file is there: after all of its parts. */
    insert(record: FileRecord): Promise<void>;
    get(id: string): Promise<FileRecord | undefined>;
    chunk(id: string): Promise<FileChunk | undefined>;
    /** How many bytes the files of a workspace have. */
    size(workspace: string): Promise<number>;
    /** Removes it and its content. */
    delete(id: string): Promise<boolean>;
    /** Removes files and parts that expire at `time` or before; gives how many files. */
    expire(time: string): Promise<number>;
  };
  /**
   * Short promises of exclusive work. Correctness never rests on them (credential writes are guarded by a version); they save calls.
   */
  readonly leases: {
    /** Takes the lease if it is free or ran out; false when somebody else holds it. */
    acquire(key: string, owner: string, now: number, until: number): Promise<boolean>;
    /** Extends the owner's own lease; false when it is no longer the owner's. */
    renew(key: string, owner: string, until: number): Promise<boolean>;
    release(key: string, owner: string): Promise<void>;
  };
  readonly manifests: {
    /** Manifests published at run time; with a time, those that were put at or after it. */
    list(since?: string): Promise<readonly { readonly name: string; readonly text: string }[]>;
    put(name: string, text: string, at: string): Promise<void>;
    delete(name: string): Promise<boolean>;
  };
  /**
   * Definitions of auth versions, each stored once however many connections were made with it. A connection is written after its
   * version, so one that nobody uses is removed only when it has been there for a while.
   */
  readonly auth_versions: {
    /** Stores a definition, or its newer text. */
    put(version: string, definition: string, at: string): Promise<void>;
    /** The definition of a version. */
    get(version: string): Promise<string | undefined>;
    list(): Promise<readonly { readonly version: string; readonly definition: string }[]>;
    /**
     * Removes those that were last put before `time` and that no connection names, aliases aside, and disconnected ones of which the
     * provider need not be told any more (`revoke_at`). Gives which.
     */
    removeUnused(time: string): Promise<readonly string[]>;
  };
  /**
   * Finishes what a process that died left half-done, where a write takes several steps: each such write is answered for once its first
   * step is done. The sweep calls it.
   */
  recover(): Promise<void>;
  /** Milliseconds since the epoch by the store's own clock, which all processes go by. Rejects when the store does not answer. */
  time(): Promise<number>;
  close(): Promise<void>;
}
