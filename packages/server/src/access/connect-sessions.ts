import { randomBytes } from "node:crypto";
import type { ConnectSessionRecord, HostStore } from "../store/port.ts";
import type { ApiKeys } from "./api-keys.ts";
import { hashToken, randomToken, sameHash } from "./tokens.ts";

export type ConnectSession = Omit<ConnectSessionRecord, "token_hash" | "cookie_hash">;

/** What is asked for with a link: for whom a connection is made, and within what limits. */
export type ConnectSessionValues = Omit<ConnectSession, "id" | "workspace" | "key" | "created_at" | "expires_at" | "ended_at">;

/** Links with which somebody without a key connects, and the browsers that opened them. */
export interface ConnectSessions {
  /** The token is in the link only. */
  create(
    key: { readonly id: string; readonly workspace: string },
    values: ConnectSessionValues,
    seconds: number,
  ): Promise<{ readonly session: ConnectSession; readonly token: string }>;
  get(workspace: string, id: string): Promise<ConnectSession | undefined>;
  /** Whether it may still be used. */
  isOpen(id: string): Promise<boolean>;
  /** The session of a link that may still be used. */
  byToken(token: string): Promise<ConnectSession | undefined>;
  /** The cookie's value for the first browser that opens the link; undefined when another one was first. */
  bind(id: string): Promise<string | undefined>;
  /** The session that may still be used, if the cookie is that of its browser. */
  find(id: string, cookie: string | undefined): Promise<ConnectSession | undefined>;
  /** False when there is none that could be ended. */
  end(workspace: string, id: string): Promise<boolean>;
  /** Removes what ran out long ago. */
  expire(): Promise<void>;
}

/** How long it can be asked what came of a session. */
const keptDays = 7;

export function createConnectSessions(
  store: HostStore["connect_sessions"],
  keys: Pick<ApiKeys, "get">,
  clock: () => number,
): ConnectSessions {
  const at = (time: number) => new Date(time).toISOString();
  /** The session, if it has not ended and its key was not revoked. */
  const usable = async (record: ConnectSessionRecord | undefined) => {
    if (record === undefined || record.ended_at !== null || record.expires_at <= at(clock())) return undefined;
    return (await keys.get(record.key))?.revoked_at === null ? record : undefined;
  };
  const shown = (record: ConnectSessionRecord | undefined) => (record === undefined ? undefined : sessionOf(record));

  return {
    async create(key, values, seconds) {
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
      await store.insert({ ...session, token_hash: hashToken(token), cookie_hash: null });
      return { session, token };
    },
    async get(workspace, id) {
      const record = await store.get(id);
      return record?.workspace === workspace ? sessionOf(record) : undefined;
    },
    isOpen: async (id) => (await usable(await store.get(id))) !== undefined,
    byToken: async (token) => shown(await usable(await store.find(hashToken(token)))),
    async bind(id) {
      const cookie = randomToken();
      return (await store.bind(id, hashToken(cookie))) ? cookie : undefined;
    },
    async find(id, cookie) {
      const record = cookie === undefined ? undefined : await usable(await store.get(id));
      if (record === undefined || record.cookie_hash === null || cookie === undefined) return undefined;
      return sameHash(record.cookie_hash, hashToken(cookie)) ? sessionOf(record) : undefined;
    },
    end: (workspace, id) => store.end(workspace, id, at(clock())),
    async expire() {
      await store.expire(at(clock() - keptDays * 86_400_000));
    },
  };
}

/** Only what is shown. */
function sessionOf({ token_hash: _token, cookie_hash: _cookie, ...session }: ConnectSessionRecord): ConnectSession {
  return session;
}
