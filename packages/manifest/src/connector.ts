import type { Auth } from "./connector-auth.ts";
import type { Compiled, Filled, Parameters, Request, Tree } from "./connector-parts.ts";
import type { Expression, Template } from "./expression.ts";
import type { Manifest } from "./schema/manifest.ts";

export type * from "./connector-auth.ts";
export type * from "./connector-parts.ts";

type ActionManifest = Compiled<NonNullable<Manifest["actions"]>[string]>;
type InputManifest = NonNullable<ActionManifest["input"]>[string];
type FilledKeys = "label" | "type" | "required" | "list";
/** A part of an input that is a group. */
export type Member = Filled<NonNullable<InputManifest["fields"]>[string], FilledKeys>;
export type Input = Filled<Omit<InputManifest, "fields">, FilledKeys> & {
  readonly fields?: Readonly<Record<string, Member>> | undefined;
};
export type Inputs = Readonly<Record<string, Input>>;

/** How one answer leads to the next. */
export interface Paginate {
  readonly type: "cursor" | "page" | "offset" | "link" | "url";
  readonly items: Expression;
  readonly next: Expression | undefined;
  readonly size: number | undefined;
  readonly start: number;
  readonly send: { readonly query: Parameters; readonly headers: Parameters; readonly body: Readonly<Record<string, Tree>> };
  /** Undefined: as many as fit into what is asked for. */
  readonly max_pages: number | undefined;
  /** The request for the pages after the first; undefined: the same. */
  readonly request: Request | undefined;
  readonly limit: Expression | undefined;
}

export interface Retry {
  readonly attempts: number;
  readonly statuses: readonly number[];
  readonly unsafe: boolean;
  readonly idempotency_header: string | undefined;
}

export type Action = Omit<ActionManifest, "input" | "scopes" | "request" | "timeout" | "paginate" | "retry" | "output"> & {
  readonly id: string;
  readonly input: Inputs;
  readonly scopes: readonly string[];
  readonly request: Request;
  /** Milliseconds for one request. */
  readonly timeout: number | undefined;
  readonly paginate: Paginate | undefined;
  readonly retry: Retry | undefined;
  /** Undefined: the body, or with `paginate` the items as they are. */
  readonly output: Expression | undefined;
};
export type ErrorRule = Compiled<NonNullable<Manifest["errors"]>[number]>;

/** A drop-down whose choices the provider knows. */
export interface Options {
  readonly request: Request;
  readonly items: Expression;
  readonly next: Expression | undefined;
}

type RateLimitManifest = NonNullable<Manifest["rate_limit"]>;
/** The provider's budget. `per` in milliseconds. */
export type RateLimit = Omit<RateLimitManifest, "per"> & { readonly per: number | undefined };

type TriggerManifest = Compiled<NonNullable<Manifest["triggers"]>[string]>;
interface TriggerUnfolded {
  readonly id: string;
  readonly input: Inputs;
  readonly scopes: readonly string[];
}
export type PollingTrigger = Omit<Extract<TriggerManifest, { type: "polling" }>, "input" | "scopes" | "request" | "every"> &
  TriggerUnfolded & {
    readonly request: Request;
    /** Milliseconds; the first is the default. */
    readonly every: readonly number[];
  };
export type WebhookTrigger = Omit<
  Extract<TriggerManifest, { type: "webhook" }>,
  "input" | "scopes" | "subscribe" | "unsubscribe"
> &
  TriggerUnfolded & {
    /** `renew_before` in milliseconds. */
    readonly subscribe:
      | { readonly request: Request; readonly subscription: Expression; readonly renew_before: number | undefined }
      | undefined;
    readonly unsubscribe: { readonly request: Request } | undefined;
  };
export type Trigger = PollingTrigger | WebhookTrigger;

/** What happens to requests that the provider sends, as it is written. */
export type Services = Compiled<NonNullable<Manifest["services"]>>;

/** A connector, ready to run: the manifest with its defaults filled in and its texts compiled. Immutable. */
export interface Connector {
  readonly name: string;
  readonly title: string;
  /** The name of the connector whose way to sign in this one shares. */
  readonly extends: string | undefined;
  readonly version: string;
  readonly description: string;
  readonly categories: readonly string[];
  readonly icon: string;
  readonly docs_url: string | undefined;
  readonly base_url: Template;
  /** At least one; the first is the default. */
  readonly environments: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** At least one; the first is the recommended one. */
  readonly auth: Readonly<Record<string, Auth>>;
  readonly errors: readonly ErrorRule[];
  readonly rate_limit: RateLimit | undefined;
  readonly options: Readonly<Record<string, Options>>;
  readonly actions: Readonly<Record<string, Action>>;
  readonly triggers: Readonly<Record<string, Trigger>>;
  readonly services: Services;
  /** SHA-256 of the manifest's text, with that of the one it extends; hex. */
  readonly hash: string;
}
