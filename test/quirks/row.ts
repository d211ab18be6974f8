import type { Realm, Switches } from "../provider/quirks.ts";

/** What a row's own checks are given. */
export interface Shown {
  readonly realm: Realm;
  readonly id: string;
  // biome-ignore lint/suspicious/noExplicitAny: as the API answers it.
  readonly connection: any;
  /** Sends a request to the product. */
  readonly refresh: () => Promise<{ readonly status: number; readonly json: unknown }>;
  readonly step: () => Promise<{ readonly status: number; readonly json: unknown }>;
  readonly remove: () => Promise<{ readonly status: number }>;
}

/** One behaviour of a provider: the server's switch, what the manifest says of it, and what must come of both. */
export interface Row {
  /** Behind "A server that …". */
  readonly name: string;
  readonly switches: Switches;
  /** What the manifest says of its `auth` block beyond the plain one; `{url}` stands for the realm's. Nothing where none is needed. */
  readonly says?: Readonly<Record<string, unknown>>;
  /** What else is saved with the app. */
  readonly app?: Readonly<Record<string, string>>;
  readonly fields?: Readonly<Record<string, string>>;
  /** What the connection must be. Default: connected, with its label and its unique ID, and renewable. */
  readonly becomes?: Readonly<Record<string, unknown>>;
  /** What becomes of it by the plain manifest. Default: it is not connected. `same`: the lines change nothing that shows here. */
  readonly plainly?: Readonly<Record<string, unknown>> | "same";
  /** Whether it can be refreshed. Default: true. */
  readonly renews?: boolean;
  /** The code by which a refresh at once is refused, before the provider is asked. */
  readonly notYet?: string;
  /** Minutes until the token ends; null: unknown. Default: 60. */
  readonly minutes?: number | null;
  readonly then?: (shown: Shown) => Promise<void>;
}
