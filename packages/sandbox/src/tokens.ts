import { randomUUID } from "node:crypto";
import { Bounded } from "./bounded.ts";
import { OAuthError } from "./oauth-error.ts";
import type { Scope } from "./scopes.ts";
import type { Seal } from "./seal.ts";

/** Short enough that people see a refresh happen while they try things out. */
export const accessLifetime = 60_000;
const refreshLifetime = 30 * 24 * 60 * 60_000;
const maxFamilies = 10_000;
const accessPrefix = "sandbox_access_";
const refreshPrefix = "sandbox_refresh_";

interface AccessToken {
  readonly family: string;
  readonly person: string;
  readonly scope: readonly Scope[];
  readonly expires: number;
}

interface RefreshToken extends AccessToken {
  /** Counts the rotations; only the newest of a family is good. */
  readonly generation: number;
}

/** A successful answer of the token endpoint (RFC 6749 §5.1). */
export interface TokenAnswer {
  readonly access_token: string;
  readonly token_type: "Bearer";
  readonly expires_in: number;
  readonly refresh_token: string;
  readonly scope: string;
}

export interface Tokens {
  /** Starts a family: all tokens that descend from one consent. */
  issue(family: string, person: string, scope: readonly Scope[]): TokenAnswer;
  /** Rotates. A refresh token that was used before ends its whole family, since one of its two holders is a thief. */
  refresh(token: string, scope: readonly Scope[] | undefined): TokenAnswer;
  /** What an access token allows; undefined if it is unknown, expired or revoked. */
  check(token: string): { readonly person: string; readonly scope: readonly Scope[] } | undefined;
  /** The family of either kind of token, whatever its age. */
  familyOf(token: string): string | undefined;
  revoke(family: string): void;
}

export function createTokens(seal: Seal, clock: () => number): Tokens {
  /** The newest generation of each family. A family from before a restart is unknown until it refreshes. */
  const families = new Bounded<string, number | "revoked">(maxFamilies);

  const openAs = <T>(prefix: string, token: string): T | undefined =>
    token.startsWith(prefix) ? seal.open<T>(prefix, token.slice(prefix.length)) : undefined;

  function answer(last: Omit<RefreshToken, "expires">, scope: readonly Scope[]): TokenAnswer {
    const now = clock();
    families.set(last.family, last.generation);
    const access: AccessToken = { family: last.family, person: last.person, scope, expires: now + accessLifetime };
    const refresh: RefreshToken = { ...last, expires: now + refreshLifetime };
    return {
      access_token: accessPrefix + seal.seal(accessPrefix, access),
      token_type: "Bearer",
      expires_in: accessLifetime / 1000,
      refresh_token: refreshPrefix + seal.seal(refreshPrefix, refresh),
      scope: scope.join(" "),
    };
  }

  return {
    issue: (family, person, scope) => answer({ family, person, scope, generation: 0 }, scope),
    refresh(token, scope) {
      const held = openAs<RefreshToken>(refreshPrefix, token);
      if (held === undefined || held.expires <= clock()) {
        throw new OAuthError("invalid_grant", "The refresh token is unknown or has expired.");
      }
      const newest = families.get(held.family) ?? held.generation;
      if (newest === "revoked") throw new OAuthError("invalid_grant", "The refresh token was revoked.");
      if (held.generation < newest) {
        families.set(held.family, "revoked");
        throw new OAuthError("invalid_grant", "The refresh token was used before, so all tokens of this sign-in are revoked.");
      }
      if (scope?.some((name) => !held.scope.includes(name))) {
        throw new OAuthError("invalid_scope", "A refresh cannot add scopes.");
      }
      const { family, person, generation } = held;
      return answer({ family, person, scope: held.scope, generation: generation + 1 }, scope ?? held.scope);
    },
    check(token) {
      const held = openAs<AccessToken>(accessPrefix, token);
      if (held === undefined || held.expires <= clock() || families.get(held.family) === "revoked") return undefined;
      return held;
    },
    familyOf: (token) => (openAs<RefreshToken>(refreshPrefix, token) ?? openAs<AccessToken>(accessPrefix, token))?.family,
    revoke: (family) => void families.set(family, "revoked"),
  };
}

export const newFamily = (): string => randomUUID();
