import { randomBytes } from "node:crypto";
import type { Sqlite } from "../store/database.ts";
import { hashToken, randomToken, sameHash } from "./tokens.ts";

/** What is asked for with a link: for whom a connection is made, and within what limits. */
export interface ConnectSessionValues {
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
}

export interface ConnectSession extends ConnectSessionValues {
  readonly id: string;
  readonly workspace: string;
  /** The id of the key that asked for it; it ends with the key. */
  readonly key: string;
  readonly created_at: string;
  readonly expires_at: string;
  readonly ended_at: string | null;
}

/** Links with which somebody without a key connects, and the browsers that opened them. */
export interface ConnectSessions {
  /** The token is in the link only. */
  create(
    key: { readonly id: string; readonly workspace: string },
    values: ConnectSessionValues,
    seconds: number,
  ): { readonly session: ConnectSession; readonly token: string };
  get(workspace: string, id: string): ConnectSession | undefined;
  /** Whether it may still be used. */
  isOpen(id: string): boolean;
  /** The session of a link that may still be used. */
  byToken(token: string): ConnectSession | undefined;
  /** The cookie's value for the first browser that opens the link; undefined when another one was first. */
  bind(id: string): string | undefined;
  /** The session that may still be used, if the cookie is that of its browser. */
  find(id: string, cookie: string | undefined): ConnectSession | undefined;
  /** False when there is none that could be ended. */
  end(workspace: string, id: string): boolean;
  /** Removes what ran out long ago. */
  expire(): void;
}

interface Row {
  readonly doc: string;
  readonly cookie_hash: string | null;
  readonly expires_at: string;
  readonly ended_at: string | null;
}

/** How long it can be asked what came of a session. */
const keptDays = 7;
const columns = "connect_sessions.doc AS doc, cookie_hash, expires_at, ended_at";
const parse = ({ doc, ended_at }: Row): ConnectSession => ({ ...(JSON.parse(doc) as ConnectSession), ended_at });

export function createConnectSessions(sqlite: Sqlite, clock: () => number): ConnectSessions {
  const at = (time: number) => new Date(time).toISOString();
  /** A session without end, of a key that was not revoked. */
  const usable = (condition: string, value: string) =>
    sqlite.get<Row>(
      `SELECT ${columns} FROM connect_sessions JOIN api_keys ON api_keys.id = connect_sessions.key
       WHERE ${condition} = ? AND expires_at > ? AND ended_at IS NULL AND revoked_at IS NULL`,
      value,
      at(clock()),
    );

  return {
    create(key, values, seconds) {
      const token = randomToken();
      const now = clock();
      const session: ConnectSession = {
        ...values,
        id: `cs_${randomBytes(15).toString("base64url")}`,
        workspace: key.workspace,
        key: key.id,
        created_at: at(now),
        expires_at: at(now + seconds * 1000),
        ended_at: null,
      };
      sqlite.run(
        "INSERT INTO connect_sessions (id, token_hash, key, workspace, owner, expires_at, doc) VALUES (?, ?, ?, ?, ?, ?, ?)",
        session.id,
        hashToken(token),
        session.key,
        session.workspace,
        session.owner,
        session.expires_at,
        JSON.stringify(session),
      );
      return { session, token };
    },
    get(workspace, id) {
      const row = sqlite.get<Row>(`SELECT ${columns} FROM connect_sessions WHERE workspace = ? AND id = ?`, workspace, id);
      return row === undefined ? undefined : parse(row);
    },
    isOpen: (id) => usable("connect_sessions.id", id) !== undefined,
    byToken(token) {
      const row = usable("token_hash", hashToken(token));
      return row === undefined ? undefined : parse(row);
    },
    bind(id) {
      const cookie = randomToken();
      const bound = sqlite.run(
        "UPDATE connect_sessions SET cookie_hash = ? WHERE id = ? AND cookie_hash IS NULL",
        hashToken(cookie),
        id,
      );
      return bound > 0 ? cookie : undefined;
    },
    find(id, cookie) {
      const row = cookie === undefined ? undefined : usable("connect_sessions.id", id);
      if (row === undefined || row.cookie_hash === null || cookie === undefined) return undefined;
      return sameHash(row.cookie_hash, hashToken(cookie)) ? parse(row) : undefined;
    },
    end: (workspace, id) =>
      sqlite.run(
        "UPDATE connect_sessions SET ended_at = ? WHERE workspace = ? AND id = ? AND ended_at IS NULL",
        at(clock()),
        workspace,
        id,
      ) > 0,
    expire() {
      sqlite.run("DELETE FROM connect_sessions WHERE expires_at <= ?", at(clock() - keptDays * 86_400_000));
    },
  };
}
