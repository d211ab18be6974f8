// An auth block, ready to run.

import type { Compiled, Filled, Method, Parameters, Request, Tree } from "./connector-parts.ts";
import type { Expression, Template } from "./expression.ts";
import type { Manifest } from "./schema/manifest.ts";
import type { clientAuthentications } from "./schema/oauth2.ts";

type AuthManifest = Manifest["auth"][string];
type AuthOf<Type extends AuthManifest["type"]> = Compiled<Extract<AuthManifest, { type: Type }>>;
type OAuth2Manifest = AuthOf<"oauth2">;
type OAuth1Manifest = AuthOf<"oauth1">;
type CustomManifest = AuthOf<"custom">;

export type Field = Filled<
  Compiled<NonNullable<AuthManifest["fields"]>[number]>,
  "label" | "type" | "required" | "secret" | "list"
>;

export interface Label {
  readonly template: Template;
  readonly fallback: Template | undefined;
  readonly mask: "none" | "partial";
}

/** One place where the credential goes. */
export interface Apply {
  readonly in: "header" | "query" | "body" | "path";
  readonly name: string | Template;
  readonly value: Template;
}

/** What bounds a value that comes from outside; one of `pattern` and `options` is there. */
export interface Bounds {
  readonly pattern: string | undefined;
  readonly options: readonly string[] | undefined;
  readonly required: boolean;
}
/** A value that is kept of an answer. */
export interface Capture extends Bounds {
  readonly value: Expression;
}
export type Captures = Readonly<Record<string, Capture>>;
/** A parameter of the callback that is kept. */
export interface CallbackCapture extends Bounds {
  readonly param: string;
}

export interface AfterConnect {
  readonly request: Request;
  readonly capture: Captures;
  readonly choose: Filled<NonNullable<NonNullable<OAuth2Manifest["after_connect"]>[number]["choose"]>, "title"> | undefined;
}

/** `timeout` and `every` in milliseconds. */
export type Test = Omit<OAuth2Manifest["test"], "request" | "timeout" | "every"> & {
  readonly request: Request;
  readonly timeout: number;
  readonly every: number | undefined;
};

/** What a stored credential depends on in one environment. */
export interface AuthVersion {
  /** SHA-256 in hex: the same for every way to write the same, and another one where anything counts. */
  readonly id: string;
  /** The block as it can be stored: a manifest of its own, as JSON, for this environment alone. */
  readonly definition: string;
}

/** What the compiler adds or unfolds in every auth block. */
interface Unfolded {
  /** The key under `auth`. */
  readonly id: string;
  /** By environment. */
  readonly versions: Readonly<Record<string, AuthVersion>>;
  readonly title: string;
  readonly fields: readonly Field[];
  /** Where the API lives: its own, or the connector's. */
  readonly base_url: Template;
  /** Empty where nothing is sent, or where the engine signs (OAuth 1.0a). */
  readonly apply: readonly Apply[];
  readonly after_connect: readonly AfterConnect[];
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

export type ExpiryUnit = "s" | "m" | "ms" | "at_s" | "at_ms" | "at_iso" | "jwt";

/** How an answer of a token endpoint is read. */
export interface TokenResponse {
  readonly from: "body" | "headers" | "cookies";
  readonly access_token: Expression;
  readonly refresh_token: Expression;
  /** Without a unit, the value tells it. */
  readonly expires_in: { readonly value: Expression; readonly unit: ExpiryUnit | undefined };
  readonly refresh_token_expires_in: Expression | undefined;
  readonly token_type: Expression;
  readonly scope: Expression;
  readonly error: Expression;
  readonly error_description: Expression;
}

/** A further exchange after the first one. */
export interface Then {
  readonly on: readonly ("exchange" | "refresh")[];
  readonly request: Request;
  readonly valid: Expression | undefined;
  readonly response: TokenResponse;
  readonly capture: Captures;
}

export type TokenErrors = Readonly<Record<string, "retry" | "reauthorize" | "configuration">>;

/** What is done with an answer of a token endpoint. */
export interface Answered {
  readonly response: TokenResponse;
  readonly capture: Captures;
  readonly errors: TokenErrors;
  readonly then: readonly Then[];
}

export type TokenEncoding = "form" | "json" | "query";

/** What is known of how a credential is replaced. Times in milliseconds. */
interface RefreshFacts {
  readonly strategy: "refresh_token" | "reissue" | "none";
  /** Undefined: a share of the lifetime. */
  readonly leeway: number | undefined;
  /** `never`: it does not expire; undefined: unknown. */
  readonly default_lifetime: number | "never" | undefined;
  readonly when: Expression | undefined;
  readonly required: boolean;
  readonly on_invalid_grant: "needs_reauth" | "reauthenticate";
  readonly rotation: "never" | "maybe" | "always";
  readonly grace: number | undefined;
  readonly min_age: number | undefined;
  readonly max_age: number | undefined;
  readonly idle_max: number | undefined;
}

/** A JSON Web Token that the engine signs. `lifetime` in milliseconds. */
export interface Assertion {
  readonly algorithm: string;
  readonly key: Template;
  readonly key_id: Template | undefined;
  readonly header: Parameters;
  readonly claims: Parameters;
  readonly audience: Template | undefined;
  readonly lifetime: number;
}

export type ClientAuthentication = (typeof clientAuthentications)[number];

export interface Client {
  readonly source: "app" | "connection" | "either" | "none";
  /** A template gives the one that the user chose. */
  readonly authentication: ClientAuthentication | Template;
  readonly id_param: string;
  readonly secret_param: string;
  /** Present for the authentications that sign. */
  readonly assertion: Assertion | undefined;
  /** What the admin enters beside ID and secret. */
  readonly fields: readonly Field[];
  /** Where the client presents its certificate. */
  readonly certificate: "none" | "token" | "always";
  readonly registration: { readonly url: Template; readonly params: Parameters } | undefined;
}

/** An endpoint of the authorization server beside the token endpoint. */
interface Endpoint {
  readonly method: Method;
  readonly encoding: TokenEncoding;
  readonly headers: Parameters;
  readonly params: Parameters;
  readonly authentication: ClientAuthentication | Template;
}

export type Scope = NonNullable<NonNullable<OAuth2Manifest["scopes"]>["required"]>[number];

/** The blocks that a connector has in another shape than its manifest. */
export type OAuth2Block =
  | "store_password"
  | "client"
  | "dpop"
  | "scopes"
  | "authorization"
  | "device"
  | "assertion"
  | "callback"
  | "token"
  | "refresh"
  | "revocation"
  | "introspection";

export type OAuth2 = Unfold<Omit<OAuth2Manifest, OAuth2Block>> & {
  readonly client: Client;
  readonly dpop: "if_offered" | "required" | "off";
  /** Whether a person's password is kept after the first token. */
  readonly store_password: boolean;
  readonly scopes: {
    readonly separator: string;
    readonly param: string;
    readonly optional_param: string | undefined;
    readonly required: readonly Scope[];
    readonly optional: readonly Scope[];
    /** Further ones that the user types. */
    readonly from: Template | undefined;
  };
  /** Present for grants with a user step. */
  readonly authorization:
    | {
        readonly url: Template;
        readonly params: Parameters;
        readonly rename: Readonly<Record<string, string>>;
        readonly pkce: "S256" | "S256-hex" | "plain" | "none";
        readonly fragment: string | undefined;
        /** A path behind `#`, in front of the parameters. */
        readonly route: string | undefined;
        readonly order: readonly string[];
        readonly par: "if_offered" | "required" | "off";
      }
    | undefined;
  /** Present for the grant `device_code`. `interval` in milliseconds. */
  readonly device: { readonly url: Template; readonly params: Parameters; readonly interval: number } | undefined;
  /** Present for the grant `jwt_bearer`. */
  readonly assertion: Assertion | undefined;
  readonly callback: {
    readonly code: string;
    readonly state: string;
    readonly source: "query" | "form" | "webhook";
    readonly redirect_uri: Template | undefined;
    readonly issuer: "if_present" | "required" | "off";
    readonly scope: string | undefined;
    readonly capture: Readonly<Record<string, CallbackCapture>>;
    readonly verify:
      | {
          readonly param: string;
          readonly algorithm: "sha1" | "sha256" | "sha512";
          readonly encoding: "hex" | "base64" | "base64url";
          readonly signed: "sorted_parameters" | "query";
          readonly secret: Template;
          readonly timestamp: string | undefined;
          /** Milliseconds. */
          readonly tolerance: number;
        }
      | undefined;
  };
  readonly token: Answered & {
    readonly url: Template;
    readonly method: "POST" | "GET" | "PUT";
    readonly encoding: TokenEncoding;
    readonly headers: Parameters;
    readonly params: Parameters;
    readonly rename: Readonly<Record<string, string>>;
    readonly omit: readonly string[];
  };
  readonly refresh: RefreshFacts & {
    readonly url: Template;
    readonly method: "POST" | "GET" | "PUT";
    readonly encoding: TokenEncoding;
    readonly headers: Parameters;
    readonly params: Parameters;
    readonly omit: readonly string[];
    readonly subject: "refresh_token" | "access_token";
    readonly response: TokenResponse;
  };
  /** Exactly one of `url` and `request`. */
  readonly revocation:
    | (Endpoint & {
        readonly url: Template | undefined;
        readonly tokens: readonly ("refresh_token" | "access_token")[];
        readonly request: Request | undefined;
        readonly on: readonly ("disconnect" | "invalid_credentials")[];
      })
    | undefined;
  readonly introspection:
    | (Endpoint & {
        readonly url: Template;
        readonly active: Expression;
        readonly expires_at: Expression;
        readonly scope: Expression;
      })
    | undefined;
};

interface SignedEndpoint {
  readonly url: Template;
  readonly params: Parameters;
}

export type OAuth1 = Unfold<Omit<OAuth1Manifest, "client" | "request_token" | "authorization" | "token">> & {
  readonly signature_method: "HMAC-SHA1" | "HMAC-SHA256" | "RSA-SHA1" | "PLAINTEXT";
  readonly realm: Template | undefined;
  readonly client: { readonly source: "app" | "connection"; readonly fields: readonly Field[] };
  readonly request_token: SignedEndpoint;
  readonly authorization: SignedEndpoint;
  readonly token: SignedEndpoint;
};

export type Custom = Unfold<Omit<CustomManifest, "token" | "refresh" | "revocation">> & {
  /** Undefined where `apply` signs each request with what the user typed. */
  readonly token: (Answered & { readonly request: Request }) | undefined;
  readonly refresh: RefreshFacts & { readonly request: Request | undefined; readonly response: TokenResponse };
  readonly revocation: { readonly request: Request } | undefined;
};

export type ApiKey = Unfold<AuthOf<"api_key">>;
export type Basic = Unfold<AuthOf<"basic">>;
export type Bearer = Unfold<AuthOf<"bearer">>;
export type None = Unfold<AuthOf<"none">>;

/** One way to connect, told apart by `type`. */
export type Auth = OAuth2 | OAuth1 | ApiKey | Basic | Bearer | Custom | None;
