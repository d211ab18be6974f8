import type { HostStore } from "../store/port.ts";
import type { ApiKey, ApiKeys } from "./api-keys.ts";
import { hashToken, randomToken, sameHash } from "./tokens.ts";

export const sessionDays = 7;
export const linkHours = 24;

/** Signed-in browsers and one-time sign-in links. Both stand for an API key and end when it is revoked. */
export interface Sessions {
  /** Signs a browser in; gives the cookie's value. */
  start(key: string): Promise<string>;
  /** The key behind a cookie. */
  find(cookie: string): Promise<ApiKey | undefined>;
  end(cookie: string): Promise<void>;
  /** A link's token. */
  link(key: string): Promise<string>;
  /** The id of the key behind a link: of two uses at once, exactly one gets it. */
  useLink(token: string): Promise<string | undefined>;
  /** Removes what has run out. */
  expire(): Promise<void>;
}

export function createSessions(
  { sessions, links }: Pick<HostStore, "sessions" | "links">,
  keys: Pick<ApiKeys, "get">,
  clock: () => number,
): Sessions {
  const now = () => new Date(clock()).toISOString();
  const inHours = (hours: number) => new Date(clock() + hours * 3_600_000).toISOString();
  /** A key that was not revoked. */
  const valid = async (id: string) => {
    const key = await keys.get(id);
    return key?.revoked_at === null ? key : undefined;
  };

  return {
    async start(key) {
      const cookie = randomToken();
      await sessions.insert({ hash: hashToken(cookie), key, expires_at: inHours(24 * sessionDays) });
      return cookie;
    },
    async find(cookie) {
      const hash = hashToken(cookie);
      const session = await sessions.get(hash);
      if (session === undefined || session.expires_at <= now() || !sameHash(session.hash, hash)) return undefined;
      return valid(session.key);
    },
    end: (cookie) => sessions.delete(hashToken(cookie)),
    async link(key) {
      const token = randomToken();
      await links.insert({ hash: hashToken(token), key, expires_at: inHours(linkHours) });
      return token;
    },
    async useLink(token) {
      const link = await links.take(hashToken(token));
      if (link === undefined || link.expires_at <= now()) return undefined;
      return (await valid(link.key))?.id;
    },
    async expire() {
      await sessions.expire(now());
      await links.expire(now());
    },
  };
}
