import type {
  AppRecord,
  ConnectionEvent,
  ConnectionRecord,
  DeliveryRecord,
  EndpointRecord,
  FileChunk,
  FileRecord,
  FlowRecord,
  KeptStep,
  Outgoing,
  SealedRecords,
  Store,
  UsageRecord,
} from "@jackfield/engine";
import type { Role } from "../access/roles.ts";

/*
 * What the host keeps beside the engine's records, in the same store: who may use this deployment. Records hold hashes, never what they
 * are hashes of. What a record means (who may do what, and for how long) is decided in access/, on top of this.
 */

/** An API key. */
export interface KeyRecord {
  readonly id: string;
  /** SHA-256 of the key, hex; unique. */
  readonly hash: string;
  readonly name: string;
  readonly role: Role;
  readonly workspace: string;
  readonly owner: string;
  /** `environment`: it is the operator's, from ADMIN_API_KEY. */
  readonly origin: "made" | "environment";
  readonly created_at: string;
  readonly last_used_at: string | null;
  readonly revoked_at: string | null;
}

/** A signed-in browser, or a sign-in link: both stand for a key. */
export interface SessionRecord {
  /** SHA-256 of the cookie or the link's token, hex. */
  readonly hash: string;
  /** The key's id. */
  readonly key: string;
  readonly expires_at: string;
}

/** A link with which somebody without a key connects. */
export interface ConnectSessionRecord {
  readonly id: string;
  /** SHA-256 of the link's token, hex; unique. */
  readonly token_hash: string;
  /** SHA-256 of the cookie of the browser that opened the link first; null until one has. */
  readonly cookie_hash: string | null;
  /** The id of the key that asked for it; it ends with the key. */
  readonly key: string;
  readonly workspace: string;
  /** Whose connections they will be. */
  readonly owner: string;
  /** Names; null: all connectors. */
  readonly connectors: readonly string[] | null;
  readonly auth: string | null;
  readonly environment: string | null;
  /** The connection to reconnect. */
  readonly connection: string | null;
  /** What the person is told of who asks. */
  readonly name: string | null;
  /** The one origin that is told of what was connected. */
  readonly return_origin: string | null;
  /** Where a link leads back to; within `return_origin`. */
  readonly return_url: string | null;
  readonly created_at: string;
  readonly expires_at: string;
  readonly ended_at: string | null;
}

/** Notes of the host, by kind: the check values of master keys by their ids, and what this deployment calls itself. */
export const noteKinds = ["key_check", "deployment"] as const;
/** The last: in a store to which another is being copied, and until that has come to its end, what is copied. */
export type NoteKind = (typeof noteKinds)[number] | "copy";

/**
 * Everything that is stored, by table, the referred to before what refers to it. Leases, which last for seconds, and the note of a copy
 * are left out.
 */
export interface Records {
  readonly workspaces: { readonly id: string; readonly created_at: string };
  readonly keys: KeyRecord;
  readonly sessions: SessionRecord;
  readonly links: SessionRecord;
  readonly connect_sessions: ConnectSessionRecord;
  readonly auth_versions: { readonly version: string; readonly definition: string; readonly at: string };
  readonly manifests: { readonly name: string; readonly text: string; readonly at: string };
  readonly apps: AppRecord;
  readonly connections: ConnectionRecord;
  readonly flows: FlowRecord;
  readonly events: ConnectionEvent;
  readonly outbox: Outgoing;
  readonly endpoints: EndpointRecord;
  readonly deliveries: DeliveryRecord;
  readonly usage: UsageRecord;
  readonly kept_steps: KeptStep;
  readonly files: FileRecord;
  readonly file_chunks: FileChunk;
  readonly notes: { readonly kind: NoteKind; readonly name: string; readonly text: string };
}

/** A table as a whole, for what goes through all of the store. */
export interface Table<T> {
  count(): Promise<number>;
  /** The records that follow the key `after`, each with its own. What is written meanwhile may be missing; events are in their order. */
  page(limit: number, after?: string): Promise<readonly { readonly key: string; readonly record: T }[]>;
  /** Stores, in this order, those that are not there yet, and nothing with them: no events, no entries in the outbox. */
  put(records: readonly T[]): Promise<void>;
}

/** Sealed texts of one record, and what takes the place of each. */
export interface Resealing {
  /** As `page` gave it. */
  readonly key: string;
  readonly texts: ReadonlyMap<string, string>;
}

/**
 * The engine's store with the host's part. As there, every method is atomic on its own, durable when it resolves, and changes nothing when
 * it rejects; one contract suite runs against every adapter.
 */
export interface HostStore extends Store {
  readonly workspaces: {
    /** Does nothing where it is there. */
    put(id: string, at: string): Promise<void>;
  };
  readonly keys: {
    /** False where there is one with this id or hash, and nothing was changed. Its workspace must be there. */
    insert(record: KeyRecord): Promise<boolean>;
    get(id: string): Promise<KeyRecord | undefined>;
    find(hash: string): Promise<KeyRecord | undefined>;
    /** Newest first. */
    list(workspace: string): Promise<readonly KeyRecord[]>;
    /** False when there is none that could be revoked. */
    revoke(workspace: string, id: string, at: string): Promise<boolean>;
    /** Notes when it was used. */
    used(id: string, at: string): Promise<void>;
    /** Makes the key with this hash an admin's that is not revoked; false when there is none. */
    restore(hash: string): Promise<boolean>;
    /** Revokes the operator's keys but the one with this hash. */
    revokeOperators(except: string | undefined, at: string): Promise<void>;
  };
  readonly sessions: {
    insert(record: SessionRecord): Promise<void>;
    get(hash: string): Promise<SessionRecord | undefined>;
    delete(hash: string): Promise<void>;
    /** Removes those that end at `time` or before. */
    expire(time: string): Promise<number>;
  };
  readonly links: {
    insert(record: SessionRecord): Promise<void>;
    /** Takes the link out: of two callers at once, exactly one gets it. */
    take(hash: string): Promise<SessionRecord | undefined>;
    expire(time: string): Promise<number>;
  };
  readonly connect_sessions: {
    insert(record: ConnectSessionRecord): Promise<void>;
    get(id: string): Promise<ConnectSessionRecord | undefined>;
    find(tokenHash: string): Promise<ConnectSessionRecord | undefined>;
    /** Sets the cookie's hash if there is none: of two callers at once, exactly one does. */
    bind(id: string, cookieHash: string): Promise<boolean>;
    /** False when there is none that could be ended. */
    end(workspace: string, id: string, at: string): Promise<boolean>;
    expire(time: string): Promise<number>;
  };
  readonly notes: {
    /** By name. */
    list(kind: NoteKind): Promise<ReadonlyMap<string, string>>;
    /** Writes the note unless there is one, and gives what is there afterwards: all who do so at once are given the same. */
    add(kind: NoteKind, name: string, text: string): Promise<string>;
    delete(kind: NoteKind, name: string): Promise<void>;
  };
  readonly tables: { readonly [Name in keyof Records]: Table<Records[Name]> };
  /** Replaces the texts that are still there, each record as a whole, and nothing else of them. Gives how many were replaced. */
  reseal(table: keyof SealedRecords, records: readonly Resealing[]): Promise<number>;
  /** Whether any record is sealed with this master key. */
  isSealedWith(key: string): Promise<boolean>;
  /** Forgets what processes before this one left: their leases and sign-in links. For a process that has the store for itself. */
  takeOver(): Promise<void>;
}
