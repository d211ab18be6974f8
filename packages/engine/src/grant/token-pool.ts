import { createHash } from "node:crypto";
import type { OAuth2 } from "@jackfield/manifest";
import type { Credential } from "./credential.ts";
import type { Moment, TokenRequest } from "./exchange.ts";

/** More would be more clients than anybody uses at once; the oldest goes. */
const capacity = 1_000;

/**
 * Tokens that belong to a client and to nobody in person (RFC 6749 §4.4): who asks for the same at the same time gets the same one, and a
 * refresh takes one that another connection of the client got since. In memory only.
 */
export interface TokenPool {
  /**
   * What somebody is just asking for; for a token that nears its end, also what is there and is not what the asker holds; or else what
   * `obtain` gives. A token that was refused is replaced only by one of this moment: the others may have been refused as well.
   */
  share(auth: OAuth2, request: TokenRequest, moment: Moment, obtain: () => Promise<Credential>): Promise<Credential>;
}

interface Entry {
  readonly credential: Promise<Credential>;
  /** From when and until when it is given to others, in milliseconds since the epoch; undefined while it is asked for. */
  life: { readonly since: number; readonly until: number } | undefined;
}

/** For so many milliseconds a token is one of this moment. */
const moments = 10_000;

export function createTokenPool(clock: () => number): TokenPool {
  const entries = new Map<string, Entry>();

  const keep = (key: string, obtain: () => Promise<Credential>): Promise<Credential> => {
    const entry: Entry = { credential: obtain(), life: undefined };
    entries.delete(key);
    entries.set(key, entry);
    const [oldest] = entries.keys();
    if (entries.size > capacity && oldest !== undefined) entries.delete(oldest);
    const drop = () => {
      if (entries.get(key) === entry) entries.delete(key);
    };
    entry.credential.then(({ expires_at, lifetime }) => {
      // In the second half of its life it is nearly due; one whose end is unknown may end at any time.
      if (expires_at === undefined || lifetime === undefined) drop();
      else entry.life = { since: clock(), until: expires_at - lifetime / 2 };
    }, drop);
    return entry.credential;
  };

  return {
    async share(auth, request, moment, obtain) {
      const key = keyOf(auth, request);
      const known = entries.get(key);
      if (known === undefined) return keep(key, obtain);
      const { life } = known;
      if (life === undefined) return known.credential;
      const isUsable = clock() < life.until && (nearsItsEnd(request, clock()) || clock() - life.since < moments);
      // Who signs in wants a token of now, as the client may have got other rights since.
      if (moment === "exchange" || !isUsable) return keep(key, obtain);
      const credential = await known.credential;
      return credential.access_token === held(request)?.access_token ? again(key, known, obtain) : credential;
    },
  };

  /** Of those who hold the same token, whoever comes first asks for another one. */
  function again(key: string, known: Entry, obtain: () => Promise<Credential>): Promise<Credential> {
    const newer = entries.get(key);
    return newer === undefined || newer === known ? keep(key, obtain) : newer.credential;
  }
}

function held({ names }: TokenRequest): Partial<Credential> | undefined {
  return names.token !== null && typeof names.token === "object" ? names.token : undefined;
}

function nearsItsEnd(request: TokenRequest, now: number): boolean {
  const { expires_at, lifetime } = held(request) ?? {};
  return expires_at !== undefined && lifetime !== undefined && expires_at - now < lifetime / 4;
}

const numbers = new WeakMap<OAuth2, number>();
let count = 0;

/** Everything that a request of the client is made from. A hash, so that no secret is the key of a map. */
function keyOf(auth: OAuth2, { client, names, scopes }: TokenRequest): string {
  const number = numbers.get(auth) ?? count++;
  numbers.set(auth, number);
  const { fields, env } = names;
  const { client_id, client_secret, extra, secrets } = client;
  return createHash("sha256")
    .update(JSON.stringify([number, client_id, client_secret, extra, secrets, scopes, fields, env]))
    .digest("base64url");
}
