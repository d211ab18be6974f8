import type { Sqlite } from "../store/database.ts";
import { hashToken, randomToken, sameHash } from "./tokens.ts";

export const sessionDays = 7;
export const linkHours = 24;

/** Signed-in browsers and one-time sign-in links. Both stand for an API key and end when it is revoked. */
export interface Sessions {
  /** Signs a browser in; gives the cookie's value. */
  start(key: string): string;
  /** The id of the key behind a cookie. */
  find(cookie: string): string | undefined;
  end(cookie: string): void;
  /** A link's token. The links that were made before no longer work. */
  link(key: string): string;
  /** The id of the key behind a link: of two uses at once, exactly one gets it. */
  useLink(token: string): string | undefined;
  /** Removes what has run out. */
  expire(): void;
}

export function createSessions(sqlite: Sqlite, clock: () => number): Sessions {
  const now = () => new Date(clock()).toISOString();
  const inHours = (hours: number) => new Date(clock() + hours * 3_600_000).toISOString();

  return {
    start(key) {
      const cookie = randomToken();
      sqlite.run(
        "INSERT INTO sessions (hash, key, expires_at) VALUES (?, ?, ?)",
        hashToken(cookie),
        key,
        inHours(24 * sessionDays),
      );
      return cookie;
    },
    find(cookie) {
      const hash = hashToken(cookie);
      const row = sqlite.get<{ key: string; hash: string }>(
        `SELECT sessions.key AS key, sessions.hash AS hash FROM sessions JOIN api_keys ON api_keys.id = sessions.key
         WHERE sessions.hash = ? AND sessions.expires_at > ? AND api_keys.revoked_at IS NULL`,
        hash,
        now(),
      );
      return row !== undefined && sameHash(row.hash, hash) ? row.key : undefined;
    },
    end(cookie) {
      sqlite.run("DELETE FROM sessions WHERE hash = ?", hashToken(cookie));
    },
    link(key) {
      const token = randomToken();
      sqlite.transaction(() => {
        sqlite.run("DELETE FROM sign_in_links");
        sqlite.run(
          "INSERT INTO sign_in_links (hash, key, expires_at) VALUES (?, ?, ?)",
          hashToken(token),
          key,
          inHours(linkHours),
        );
      });
      return token;
    },
    useLink(token) {
      const [row] = sqlite.all<{ key: string; expires_at: string }>(
        `DELETE FROM sign_in_links WHERE hash = ? AND key IN (SELECT id FROM api_keys WHERE revoked_at IS NULL)
         RETURNING key, expires_at`,
        hashToken(token),
      );
      return row !== undefined && row.expires_at > now() ? row.key : undefined;
    },
    expire() {
      sqlite.run("DELETE FROM sessions WHERE expires_at <= ?", now());
      sqlite.run("DELETE FROM sign_in_links WHERE expires_at <= ?", now());
    },
  };
}
