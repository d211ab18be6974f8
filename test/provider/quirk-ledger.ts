import { randomBytes } from "node:crypto";

/** What an authorization server knows of how it hands out refresh tokens. Times in milliseconds. */
export interface Rules {
  readonly rotation: "never" | "maybe" | "always";
  readonly grace: number;
  readonly min_age: number;
  readonly max_age: number;
  readonly idle_max: number;
}

/** All that came of one consent. */
interface Family {
  readonly born: number;
  alive: boolean;
  turns: number;
}

/** One access token and the refresh token beside it. */
export interface Account {
  readonly access_token: string;
  readonly refresh_token: string | undefined;
  /** How many further exchanges it went through. */
  readonly step: number;
  readonly family: Family;
  readonly issued: number;
}

interface Begun {
  readonly challenge: string | undefined;
  readonly redirect_uri: string;
  readonly pkce: "S256" | "S256-hex" | "plain" | "none";
}

interface Held {
  readonly family: Family;
  used: number;
  /** When it was replaced, and by what. */
  replaced?: { readonly at: number; readonly by: Account };
}

/** Why a refresh token is not taken. */
export type Fault = "unknown" | "revoked" | "reused" | "idle for too long" | "too old" | "too early";

/** How everything begins that is handed out: as awkward as RFC 6749's appendix A and RFC 6750 §2.1 allow. */
export const beginnings = {
  code: "canary-code:/+%&= ",
  refresh: "canary-refresh:/+%&= ",
  access: "canary-access~/+-",
} as const;

const fresh = (kind: keyof typeof beginnings) => beginnings[kind] + randomBytes(12).toString("hex");
const codeLike = () => fresh("code");
const refreshLike = () => fresh("refresh");
const accessLike = () => `${fresh("access")}==`;

/** The books of an authorization server: codes, tokens, and which of them belong together. */
export class Ledger {
  readonly #rules: Rules;
  readonly #codes = new Map<string, Begun>();
  readonly #access = new Map<string, Account>();
  readonly #refresh = new Map<string, Held>();
  #last: Family | undefined;
  #newest = "";
  /** How far this server's clock is ahead. */
  skew = 0;

  constructor(rules: Rules) {
    this.#rules = rules;
  }

  #now(): number {
    return Date.now() + this.skew;
  }

  code(begun: Begun): string {
    const code = codeLike();
    this.#codes.set(code, begun);
    return code;
  }

  redeem(code: string): Begun | undefined {
    const begun = this.#codes.get(code);
    this.#codes.delete(code);
    return begun;
  }

  account(): Account {
    const family: Family = { born: this.#now(), alive: true, turns: 0 };
    this.#last = family;
    return this.#issue(family, refreshLike());
  }

  #issue(family: Family, refresh_token: string | undefined, step = 0): Account {
    const account = { access_token: accessLike(), refresh_token, step, family, issued: this.#now() };
    this.#access.set(account.access_token, account);
    this.#newest = account.access_token;
    if (refresh_token !== undefined && !this.#refresh.has(refresh_token))
      this.#refresh.set(refresh_token, { family, used: this.#now() });
    return account;
  }

  /** Whose access token it is. */
  holder(access: string): Account | undefined {
    const account = this.#access.get(access);
    return account?.family.alive ? account : undefined;
  }

  knows(access: string): boolean {
    return this.#access.has(access);
  }

  /** All access tokens stop to work; refresh tokens stay. */
  invalidate(): void {
    this.#access.clear();
  }

  /** Of all access tokens the newest alone goes on to work. */
  keepNewest(): void {
    for (const token of this.#access.keys()) if (token !== this.#newest) this.#access.delete(token);
  }

  /** The last consent is withdrawn. */
  withdraw(): void {
    if (this.#last !== undefined) this.#last.alive = false;
  }

  /** Whether the newest access token has stopped to work. */
  get ended(): boolean {
    return this.#newest !== "" && this.holder(this.#newest) === undefined;
  }

  step(account: Account): string {
    return this.#issue(account.family, account.refresh_token, account.step + 1).access_token;
  }

  /** A new access token for an old one. */
  exchange(access: string): Account | Fault {
    const account = this.#access.get(access);
    if (account === undefined) return "unknown";
    if (!account.family.alive) return "revoked";
    if (this.#now() - account.issued < this.#rules.min_age) return "too early";
    return this.#issue(account.family, undefined, account.step);
  }

  /** Spends a refresh token. One that was replaced is answered with its successor for a while; later its use ends the family. */
  refresh(token: string): Account | Fault {
    const { rotation, grace, min_age, max_age, idle_max } = this.#rules;
    const held = this.#refresh.get(token);
    if (held === undefined) return "unknown";
    const { family, used, replaced } = held;
    if (!family.alive) return "revoked";
    const now = this.#now();
    if (replaced !== undefined) {
      if (now - replaced.at <= grace) return replaced.by;
      family.alive = false;
      return "reused";
    }
    if (now - used > idle_max) return "idle for too long";
    if (now - family.born > max_age) return "too old";
    if (now - used < min_age) return "too early";
    held.used = now;
    family.turns += 1;
    const rotates = rotation === "always" || (rotation === "maybe" && family.turns % 2 === 0);
    const account = this.#issue(family, rotates ? refreshLike() : token);
    if (rotates) held.replaced = { at: now, by: account };
    // A refresh token that stays is not repeated.
    return rotates ? account : { ...account, refresh_token: undefined };
  }

  /** RFC 7009 §2.1: with a refresh token ends everything that grew out of it. */
  revoke(token: string): void {
    const held = this.#refresh.get(token);
    if (held !== undefined) held.family.alive = false;
    this.#access.delete(token);
  }
}
