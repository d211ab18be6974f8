import type { Expression, Template } from "./expression.ts";
import type { Manifest } from "./schema/manifest.ts";
import type { ExpressionText, TemplateText } from "./schema/text.ts";

/** A manifest's type with every template and expression compiled. */
export type Compiled<T> = T extends TemplateText
  ? Template
  : T extends ExpressionText
    ? Expression
    : T extends readonly (infer Item)[]
      ? Compiled<Item>[]
      : T extends object
        ? { [Key in keyof T]: Compiled<T[Key]> }
        : T;

/** `Keys` of `T` are present: the manifest left them to their defaults and the compiler filled them in. */
type Filled<T, Keys extends keyof T> = Omit<T, Keys> & { [Key in Keys]-?: NonNullable<T[Key]> };

type AuthOf<Type extends Manifest["auth"][string]["type"]> = Compiled<Extract<Manifest["auth"][string], { type: Type }>>;

/** What the compiler adds or unfolds in every auth block. */
interface Unfolded {
  /** The key under `auth`. */
  readonly id: string;
  readonly title: string;
  readonly fields: readonly Field[];
  readonly apply: Apply | undefined;
  /** Present for every type but `none`. */
  readonly test: Test | undefined;
  readonly label: Label | undefined;
  readonly unique_id: { readonly value: Expression; readonly on_conflict: "reuse" | "reject" } | undefined;
  readonly whitelist: readonly Template[];
  readonly default_params: {
    readonly query: Parameters;
    readonly headers: Parameters;
    readonly body: Readonly<Record<string, Tree>>;
  };
}

type Unfold<T> = Omit<T, keyof Unfolded> & Unfolded;

/** Any JSON value whose texts are compiled templates. */
export type Tree = Template | number | boolean | null | readonly Tree[] | { readonly [key: string]: Tree };
export type Parameters = Readonly<Record<string, Template | number | boolean | null>>;

export type Field = Filled<
  Compiled<NonNullable<Manifest["auth"][string]["fields"]>[number]>,
  "label" | "type" | "required" | "secret"
>;
export interface Label {
  readonly template: Template;
  readonly fallback: Template | undefined;
  readonly mask: "none" | "partial";
}
export interface Apply {
  readonly in: "header" | "query";
  readonly name: string;
  readonly value: Template;
}

/** `timeout` in milliseconds. */
export type Test = Omit<OAuth2Manifest["test"], "request" | "timeout"> & { readonly request: Request; readonly timeout: number };

type OAuth2Manifest = AuthOf<"oauth2">;
export type Scope = NonNullable<NonNullable<OAuth2Manifest["scopes"]>["required"]>[number];
export type OAuth2 = Unfold<
  Omit<OAuth2Manifest, "client" | "scopes" | "authorization" | "callback" | "token" | "refresh" | "revocation">
> & {
  readonly client: Required<NonNullable<OAuth2Manifest["client"]>>;
  readonly scopes: Readonly<Required<NonNullable<OAuth2Manifest["scopes"]>>>;
  /** Present for grants with a user step. */
  readonly authorization:
    | {
        readonly url: Template;
        readonly params: Parameters;
        readonly pkce: "S256" | "none";
      }
    | undefined;
  readonly callback: Required<NonNullable<OAuth2Manifest["callback"]>>;
  readonly token: {
    readonly url: Template;
    readonly encoding: "form" | "json";
    readonly headers: Parameters;
    readonly params: Parameters;
    readonly response: Readonly<Required<NonNullable<OAuth2Manifest["token"]["response"]>>>;
  };
  readonly refresh: {
    readonly strategy: "refresh_token" | "reissue" | "none";
    readonly url: Template;
    readonly params: Parameters;
    /** Milliseconds; undefined: a share of the lifetime. */
    readonly leeway: number | undefined;
    /** Milliseconds; `never`: it does not expire; undefined: unknown. */
    readonly default_lifetime: number | "never" | undefined;
    readonly required: boolean;
    readonly rotation: "never" | "maybe" | "always";
  };
  /** Exactly one of `url` and `request`. */
  readonly revocation:
    | {
        readonly url: Template | undefined;
        readonly params: Parameters;
        readonly request: Request | undefined;
        readonly on: readonly ("disconnect" | "invalid_credentials")[];
      }
    | undefined;
};
export type ApiKey = Unfold<AuthOf<"api_key">>;
export type Basic = Unfold<AuthOf<"basic">>;
export type Bearer = Unfold<AuthOf<"bearer">>;
export type None = Unfold<AuthOf<"none">>;

/** One way to connect, told apart by `type`. */
export type Auth = OAuth2 | ApiKey | Basic | Bearer | None;

export type Request = Omit<Filled<OAuth2Manifest["test"]["request"], "method" | "encoding">, "query" | "headers" | "body"> & {
  readonly query: Parameters;
  readonly headers: Parameters;
  readonly body: Tree | undefined;
};
export type Input = Filled<
  Compiled<NonNullable<NonNullable<Manifest["actions"]>[string]["input"]>[string]>,
  "label" | "type" | "required" | "list"
>;
export type Action = Omit<Compiled<NonNullable<Manifest["actions"]>[string]>, "input" | "scopes" | "request" | "output"> & {
  readonly id: string;
  readonly input: Readonly<Record<string, Input>>;
  readonly scopes: readonly string[];
  readonly request: Request;
  readonly output: Expression;
};
export type ErrorRule = Compiled<NonNullable<Manifest["errors"]>[number]>;

/** A connector, ready to run: the manifest with its defaults filled in and its texts compiled. Immutable. */
export interface Connector {
  readonly name: string;
  readonly title: string;
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
  readonly actions: Readonly<Record<string, Action>>;
  /** SHA-256 of the manifest's text, hex. */
  readonly hash: string;
}
