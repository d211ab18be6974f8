import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { Bounded } from "./bounded.ts";
import { OAuthError } from "./oauth-error.ts";
import type { Scope } from "./scopes.ts";
import { newFamily, type TokenAnswer, type Tokens } from "./tokens.ts";

const codeLifetime = 60_000;
const maxCodes = 1_000;

/** What a person agreed to, and what the code that stands for it is bound to. */
export interface Consent {
  readonly person: string;
  readonly scope: readonly Scope[];
  readonly redirectUri: string;
  readonly challenge: string;
}

export interface Codes {
  issue(consent: Consent): string;
  /** Spends a code. It is spent even if this fails, and spending it twice revokes what it bought. */
  exchange(code: string, redirectUri: string, verifier: string): TokenAnswer;
}

/** Codes live in memory alone: who loses one to a restart signs in again. */
export function createCodes(tokens: Tokens, clock: () => number): Codes {
  const codes = new Bounded<string, Consent & { readonly family: string; readonly expires: number; spent: boolean }>(maxCodes);

  return {
    issue(consent) {
      const code = randomBytes(32).toString("base64url");
      codes.set(sha256(code), { ...consent, family: newFamily(), expires: clock() + codeLifetime, spent: false });
      return code;
    },
    exchange(code, redirectUri, verifier) {
      const entry = codes.get(sha256(code));
      if (entry === undefined) throw new OAuthError("invalid_grant", "The code is unknown.");
      if (entry.spent) {
        tokens.revoke(entry.family);
        throw new OAuthError("invalid_grant", "The code was used before, so all tokens of this sign-in are revoked.");
      }
      entry.spent = true;
      if (entry.expires <= clock()) throw new OAuthError("invalid_grant", "The code has expired.");
      if (entry.redirectUri !== redirectUri) {
        throw new OAuthError("invalid_grant", "The redirect_uri is not the one of the authorization request.");
      }
      if (!matches(verifier, entry.challenge)) {
        throw new OAuthError("invalid_grant", "The code_verifier does not belong to the code_challenge.");
      }
      return tokens.issue(entry.family, entry.person, entry.scope);
    },
  };
}

function matches(verifier: string, challenge: string): boolean {
  const expected = Buffer.from(challenge, "ascii");
  const given = Buffer.from(sha256(verifier), "ascii");
  return given.length === expected.length && timingSafeEqual(given, expected);
}

const sha256 = (text: string): string => createHash("sha256").update(text, "utf8").digest("base64url");
