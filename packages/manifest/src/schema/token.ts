import { Type } from "typebox";
import { Captures } from "./capture.ts";
import { Headers, Parameters, Request } from "./request.ts";
import { closed, Duration, Expression, keyed, OneOf, Parameter, Template } from "./text.ts";

const ExpiresIn = Type.Union(
  [
    Expression("token.response", "Where the lifetime is. Seconds, a time in seconds or milliseconds, or an ISO 8601 time."),
    Type.Object(
      {
        value: Expression("token.response", "Where the lifetime is."),
        unit: OneOf(
          ["s", "m", "ms", "at_s", "at_ms", "at_iso", "jwt"],
          "Seconds, minutes or milliseconds from now; `at_…`: a point in time; `jwt`: the `exp` of a JSON Web Token.",
        ),
      },
      closed,
    ),
  ],
  {
    description:
      "Where the lifetime is. A plain number means seconds, one too large for that a point in time; ISO 8601 is understood. Default: expires_in.",
  },
);

/** How an answer of a token endpoint is read. */
export const TokenResponse = Type.Object(
  {
    from: Type.Optional(OneOf(["body", "headers", "cookies"], "What the expressions read. Default: body.")),
    access_token: Type.Optional(Expression("token.response", "Default: access_token.")),
    refresh_token: Type.Optional(Expression("token.response", "Default: refresh_token.")),
    expires_in: Type.Optional(ExpiresIn),
    refresh_token_expires_in: Type.Optional(Expression("token.response", "Seconds that the refresh token lives.")),
    token_type: Type.Optional(Expression("token.response", "Default: token_type.")),
    scope: Type.Optional(Expression("token.response", "What was granted. Default: scope.")),
    error: Type.Optional(Expression("token.response", "A result here makes any answer a failure. Default: error.")),
    error_description: Type.Optional(Expression("token.response", "Default: error_description.")),
  },
  { ...closed, description: "How the answer is read; names of RFC 6749 §5 are the defaults." },
);

export const tokenEncodings = ["form", "json", "query"] as const;

/** What the answers of the token endpoint mean. */
export const TokenErrors = Type.Record(
  Type.String(),
  OneOf(
    ["retry", "reauthorize", "configuration"],
    "`retry`: try again later; `reauthorize`: the user must sign in again; `configuration`: the app is wrong.",
  ),
  keyed(
    "^[^\\u0000-\\u001f]{1,200}$",
    100,
    "What the provider's own error codes mean; where an answer holds none, its HTTP status.",
  ),
);

/** A further exchange after the first one. */
export const Then = Type.Object(
  {
    on: Type.Optional(
      Type.Array(OneOf(["exchange", "refresh"], "After which request it is made."), {
        minItems: 1,
        maxItems: 2,
        uniqueItems: true,
        description: "After which request it is made. Default: both.",
      }),
    ),
    request: Request("token.then", "The request; what came before is `token`."),
    valid: Type.Optional(Expression("then.valid", "Whether the answer lets the sign-in go on. Default: any 2xx answer.")),
    response: Type.Optional(TokenResponse),
    capture: Type.Optional(Captures("token.response", "token")),
  },
  { ...closed, description: "A further exchange: what its answer names replaces what came before." },
);

/** The parts of a block that reads token answers. */
export const answered = {
  response: Type.Optional(TokenResponse),
  capture: Type.Optional(Captures("token.response", "token")),
  errors: Type.Optional(TokenErrors),
  then: Type.Optional(Type.Array(Then, { maxItems: 5, description: "Further exchanges that end in the token, in this order." })),
};

export const tokenMethods = ["POST", "GET", "PUT"] as const;

const omit = Type.Array(Type.String({ minLength: 1, maxLength: 100 }), {
  maxItems: 20,
  description: "Parameters of the engine that are not sent, such as `redirect_uri`.",
});

export const Token = Type.Object(
  {
    url: Template("token.url", "The token endpoint."),
    method: Type.Optional(OneOf(tokenMethods, "Default: POST.")),
    encoding: Type.Optional(OneOf(tokenEncodings, "How the parameters are sent. Default: form.")),
    headers: Type.Optional(Headers("token.params", "Further headers of token requests.")),
    params: Type.Optional(Parameters("token.params", "Further parameters; null removes a default.")),
    omit: Type.Optional(omit),
    rename: Type.Optional(
      Type.Record(Type.String(), Type.String({ minLength: 1, maxLength: 100 }), {
        ...keyed("^[a-z_]{1,100}$", 30, "Other names for the engine's own parameters, such as `{ code: auth_code }`."),
      }),
    ),
    ...answered,
  },
  { ...closed, description: "The token request (RFC 6749 §4.1.3)." },
);

const lifetime = Type.String({
  pattern: "^([0-9]{1,9}(ms|s|m|h|d)|never)$",
  description: "The lifetime of a token that does not tell its own. Default: unknown, so a JWT's `exp` or a 401 decides.",
});

/** What is known of a provider's refresh, whatever the grant. */
const known = {
  leeway: Type.Optional(
    Duration(
      "How long before expiry it happens; 0s for providers that hand back the same token early. Default: a fifth of the lifetime, at most 15m.",
    ),
  ),
  default_lifetime: Type.Optional(lifetime),
  when: Type.Optional(
    Expression("refresh.when", "Whether an API answer means that the token has expired, where it is not a 401."),
  ),
  required: Type.Optional(Type.Boolean({ description: "Whether a missing refresh token is an error. Default: false." })),
  on_invalid_grant: Type.Optional(
    OneOf(
      ["needs_reauth", "reauthenticate"],
      "`reauthenticate` asks once for a new token as at first, with what is stored. Default: needs_reauth.",
    ),
  ),
  rotation: Type.Optional(
    OneOf(
      ["never", "maybe", "always"],
      "Whether the provider replaces the refresh token each time. `always`: each is taken once, so one whose answer was lost is not sent again. Default: maybe.",
    ),
  ),
  grace: Type.Optional(
    Duration("How long a replaced refresh token still works: within this time one whose answer was lost is sent again."),
  ),
  min_age: Type.Optional(Duration("How old a token must be before the provider refreshes it.")),
  max_age: Type.Optional(Duration("How long after the sign-in the refresh token ends, whatever happens.")),
  idle_max: Type.Optional(Duration("How long an unused refresh token lives; it is refreshed before.")),
};

const strategy = OneOf(
  ["refresh_token", "reissue", "none"],
  "`reissue` asks for a new token as at first, without its user. Default: refresh_token for grants with a user, else reissue.",
);

export const Refresh = Type.Object(
  {
    strategy: Type.Optional(strategy),
    url: Type.Optional(Template("token.url", "Default: the token endpoint.")),
    method: Type.Optional(OneOf(tokenMethods, "Default: as the token request.")),
    encoding: Type.Optional(OneOf(tokenEncodings, "Default: as the token request.")),
    headers: Type.Optional(Headers("refresh.params", "Further headers. Default: as the token request.")),
    params: Type.Optional(Parameters("refresh.params", "Further parameters; null removes a default.")),
    omit: Type.Optional(omit),
    subject: Type.Optional(
      OneOf(["refresh_token", "access_token"], "What is exchanged for a new token. Default: refresh_token."),
    ),
    response: Type.Optional(TokenResponse),
    ...known,
  },
  { ...closed, description: "How a credential is replaced before it expires (RFC 6749 §6)." },
);

/** The refresh of a free request block. */
export const CustomRefresh = Type.Object(
  {
    strategy: Type.Optional(strategy),
    request: Type.Optional(Request("refresh.params", "The request that gives a new token. Default: the token's own request.")),
    response: Type.Optional(TokenResponse),
    ...known,
  },
  { ...closed, description: "How a credential is replaced before it expires." },
);

/** A token that is obtained by free requests. */
export const CustomToken = Type.Object(
  {
    request: Request("token.request", "The request whose answer holds the token, made with what the user typed."),
    ...answered,
  },
  { ...closed, description: "Where the token comes from." },
);

const algorithms = ["HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA"] as const;

/** A JSON Web Token that the engine signs (RFC 7519, RFC 7523). */
export const Assertion = Type.Object(
  {
    algorithm: Type.Optional(OneOf(algorithms, "Default: RS256.")),
    key: Type.Optional(
      Template("assertion", "The private key (PEM, PKCS #8 or PKCS #1) or the shared secret. Default: `app.private_key`."),
    ),
    key_id: Type.Optional(Template("assertion", "Sent as `kid` in the header.")),
    header: Type.Optional(
      Type.Record(
        Type.String(),
        Parameter("assertion", "A template."),
        keyed("^[A-Za-z0-9#_.-]{1,100}$", 20, "Further header values."),
      ),
    ),
    claims: Type.Optional(
      Type.Record(Type.String(), Parameter("assertion", "A template."), {
        ...keyed("^[^\\u0000-\\u001f]{1,200}$", 50, "Further claims; null removes a default (iss, sub, aud, iat, exp, jti)."),
      }),
    ),
    audience: Type.Optional(Template("assertion", "The claim `aud`. Default: the token endpoint.")),
    lifetime: Type.Optional(Duration("How long it is valid. Default: 5m.")),
  },
  { ...closed, description: "A JSON Web Token that the engine signs (RFC 7523)." },
);
