import { Type } from "typebox";
import { Field } from "./field.ts";
import { Headers, Parameters, Request } from "./request.ts";
import { closed, Duration, Expression, OneOf, Template, Text, Tree } from "./text.ts";

const Test = Type.Object(
  {
    request: Request("test.request", "A cheap request that says whose credential this is. Its body is `me`."),
    valid: Type.Optional(Expression("test.valid", "Whether the credential is good. Default: any 2xx answer.")),
    error: Type.Optional(Template("test.error", "What the person reads when the test fails.")),
    timeout: Type.Optional(Duration("How long the test may take, at most 10s. Default: 5s.")),
    sample: Type.Optional(Type.Unknown({ description: "An answer of the provider, for checks without a network." })),
  },
  { ...closed, description: "The Test (Me) call: only when it passes is a connection `connected`." },
);

const Label = Type.Union(
  [
    Template("label", "The name that a connection gives itself."),
    Type.Object(
      {
        template: Template("label", "The name that a connection gives itself."),
        fallback: Type.Optional(Template("label", "Used when a value of the template is missing.")),
        mask: Type.Optional(
          OneOf(["none", "partial"], "`partial` hides the middle of the words from everybody but the owner. Default: none."),
        ),
      },
      closed,
    ),
  ],
  { description: "The name that a connection gives itself, made from the test's answer." },
);

const UniqueId = Type.Union(
  [
    Expression("unique_id", "What tells one account at the provider from another."),
    Type.Object(
      {
        value: Expression("unique_id", "What tells one account at the provider from another."),
        on_conflict: Type.Optional(
          OneOf(["reuse", "reject"], "What happens when the account is already connected. Default: reuse."),
        ),
      },
      closed,
    ),
  ],
  { description: "What tells one account at the provider from another; a text or a number that never changes hands." },
);

const Apply = Type.Object(
  {
    in: Type.Optional(OneOf(["header", "query"], "Default: header.")),
    name: Type.Optional(Text("The header's or parameter's name. Default: Authorization.", 100)),
    value: Template("apply", "What is sent, such as `Bearer {{ token.access_token }}`."),
  },
  { ...closed, description: "Where the credential goes in a request. Default: `Authorization: Bearer …`." },
);

const DefaultParams = Type.Object(
  {
    query: Type.Optional(Parameters("default_params", "Added to the query of every API call.")),
    headers: Type.Optional(Headers("default_params", "Added to the headers of every API call.")),
    body: Type.Optional(
      Type.Record(Type.String(), Tree("default_params", "A value of the body."), {
        description: "Added to the body of every POST, PUT and PATCH that sends an object.",
        maxProperties: 50,
      }),
    ),
  },
  { ...closed, description: "Added to every API call, never to token calls. A step's own value wins. No secrets." },
);

/** What every way to connect has. */
const common = {
  title: Type.Optional(Text("What the button or the choice says.", 100)),
  description: Type.Optional(Text("One or two sentences for the person who connects.", 1000)),
  setup: Type.Optional(Template("setup", "Markdown: what the admin does at the provider. The page adds the redirect URL.")),
  fields: Type.Optional(Type.Array(Field, { maxItems: 30, description: "What the user is asked." })),
  apply: Type.Optional(Apply),
  test: Type.Optional(Test),
  label: Type.Optional(Label),
  unique_id: Type.Optional(UniqueId),
  whitelist: Type.Optional(
    Type.Array(Template("whitelist", "https://host[:port][/path], at most one `*.` in front of the host."), {
      minItems: 1,
      maxItems: 50,
      description: "The URLs that the credential may ever be sent to. Default: exactly `base_url`.",
    }),
  ),
  default_params: Type.Optional(DefaultParams),
};

const tested = { ...common, test: Test };

const ScopeItem = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 500, description: "One scope, as the provider spells it." }),
    reason: Text("Why it is needed, in words for the person who consents."),
  },
  { ...closed, description: "One scope and why it is needed." },
);

const Scopes = Type.Object(
  {
    separator: Type.Optional(Type.String({ minLength: 1, maxLength: 3, description: "Default: one space." })),
    param: Type.Optional(Text("The parameter's name. Default: scope.", 100)),
    required: Type.Optional(Type.Array(ScopeItem, { maxItems: 200, description: "Always asked for." })),
    optional: Type.Optional(
      Type.Array(ScopeItem, { maxItems: 200, description: "Asked for only when an action that is used needs it." }),
    ),
  },
  { ...closed, description: "The scopes and how they are written." },
);

const Client = Type.Object(
  {
    source: Type.Optional(
      OneOf(
        ["app", "connection", "either"],
        "Who brings client ID and secret: the admin's app, the user, or either. Default: app.",
      ),
    ),
    authentication: Type.Optional(
      OneOf(
        ["client_secret_post", "client_secret_basic", "client_secret_basic_raw", "none"],
        "How the client proves itself at the token endpoint; exactly one way is used. `client_secret_basic` form-encodes " +
          "ID and secret first (RFC 6749 §2.3.1), `client_secret_basic_raw` does not. Default: client_secret_post.",
      ),
    ),
  },
  { ...closed, description: "The OAuth client." },
);

const Authorization = Type.Object(
  {
    url: Template("authorization.url", "The authorization endpoint, where people sign in and consent."),
    params: Type.Optional(Parameters("authorization.params", "Further parameters; null removes a default.")),
    pkce: Type.Optional(
      Type.Union(
        [
          Type.Literal("S256"),
          Type.Object(
            { none: Text("Why the provider cannot take PKCE.") },
            { ...closed, description: "No PKCE, with the reason." },
          ),
        ],
        { description: "Proof key for code exchange (RFC 7636). Default: S256." },
      ),
    ),
    response_type: Type.Optional(Type.Literal("code", { description: "Only `code`: tokens do not belong in URLs." })),
  },
  { ...closed, description: "The authorization request (RFC 6749 §4.1.1)." },
);

const Callback = Type.Object(
  {
    issuer: Type.Optional(
      OneOf(["if_present", "required", "off"], "Whether `iss` is compared with `issuer` (RFC 9207). Default: if_present."),
    ),
  },
  { ...closed, description: "What comes back from the authorization endpoint." },
);

const TokenResponse = Type.Object(
  {
    access_token: Type.Optional(Expression("token.response", "Default: access_token.")),
    refresh_token: Type.Optional(Expression("token.response", "Default: refresh_token.")),
    expires_in: Type.Optional(Expression("token.response", "Seconds from now. Default: expires_in.")),
    token_type: Type.Optional(Expression("token.response", "Default: token_type.")),
    scope: Type.Optional(Expression("token.response", "What was granted. Default: scope.")),
    error: Type.Optional(Expression("token.response", "A result here makes any answer a failure. Default: error.")),
    error_description: Type.Optional(Expression("token.response", "Default: error_description.")),
  },
  { ...closed, description: "How the answer is read; names of RFC 6749 §5 are the defaults." },
);

const Token = Type.Object(
  {
    url: Template("token.url", "The token endpoint."),
    encoding: Type.Optional(OneOf(["form", "json"], "How the body is sent. Default: form.")),
    headers: Type.Optional(Headers("token.params", "Further headers of token requests.")),
    params: Type.Optional(Parameters("token.params", "Further parameters; null removes a default.")),
    response: Type.Optional(TokenResponse),
  },
  { ...closed, description: "The token request (RFC 6749 §4.1.3)." },
);

const Refresh = Type.Object(
  {
    strategy: Type.Optional(
      OneOf(
        ["refresh_token", "reissue", "none"],
        "`reissue` asks for a new token as at first, without its user. Default: reissue for client_credentials, else refresh_token.",
      ),
    ),
    url: Type.Optional(Template("token.url", "Default: the token endpoint.")),
    params: Type.Optional(Parameters("refresh.params", "Further parameters; null removes a default.")),
    leeway: Type.Optional(Duration("How long before expiry it happens. Default: a fifth of the lifetime, at most 15m.")),
    default_lifetime: Type.Optional(
      Type.String({
        pattern: "^([0-9]{1,9}(ms|s|m|h|d)|never)$",
        description: "The lifetime of a token that does not tell its own. Default: unknown, so a 401 decides.",
      }),
    ),
    required: Type.Optional(Type.Boolean({ description: "Whether a missing refresh token is an error. Default: false." })),
    rotation: Type.Optional(
      OneOf(["never", "maybe", "always"], "Whether the provider replaces the refresh token each time. Default: maybe."),
    ),
  },
  { ...closed, description: "How a credential is replaced before it expires (RFC 6749 §6)." },
);

const type = <Name extends string>(name: Name) => Type.Literal(name, { description: "The way to connect." });

const Revocation = Type.Object(
  {
    url: Type.Optional(Template("token.url", "The revocation endpoint (RFC 7009).")),
    params: Type.Optional(Parameters("token.params", "Further parameters; null removes a default.")),
    request: Type.Optional(Request("test.request", "Instead of `url`: a request of the API, made with the credential.")),
    on: Type.Optional(
      Type.Array(OneOf(["disconnect", "invalid_credentials"], "When it is called."), {
        minItems: 1,
        maxItems: 2,
        uniqueItems: true,
        description: "When it is called. Default: disconnect.",
      }),
    ),
  },
  { ...closed, description: "How the provider is told that a credential is no longer wanted." },
);

const OAuth2 = Type.Object(
  {
    type: type("oauth2"),
    grant: OneOf(
      ["authorization_code", "client_credentials"],
      "How a credential is obtained: `authorization_code` when a person's data is needed, who signs in and consents; " +
        "`client_credentials` when it is the client's own.",
    ),
    issuer: Type.Optional(Text("The authorization server's identifier, compared with `iss` (RFC 9207).", 500)),
    client: Type.Optional(Client),
    scopes: Type.Optional(Scopes),
    audience: Type.Optional(Template("audience", "The API that the token is for; sent as `audience`.")),
    resource: Type.Optional(Template("audience", "The API that the token is for; sent as `resource` (RFC 8707).")),
    authorization: Type.Optional(Authorization),
    callback: Type.Optional(Callback),
    token: Token,
    refresh: Type.Optional(Refresh),
    revocation: Type.Optional(Revocation),
    ...tested,
  },
  { ...closed, description: "OAuth 2.0 (RFC 6749)." },
);

const ApiKey = Type.Object(
  { type: type("api_key"), ...tested },
  { ...closed, description: "A key that the user pastes: `fields.api_key`, unless `fields` says otherwise." },
);

const Basic = Type.Object(
  { type: type("basic"), ...tested },
  { ...closed, description: "User name and password (RFC 7617): `fields.username`, `fields.password`." },
);

const Bearer = Type.Object(
  { type: type("bearer"), ...tested },
  { ...closed, description: "A token that the user pastes: `fields.token`, sent as `Authorization: Bearer …`." },
);

const None = Type.Object({ type: type("none"), ...common }, { ...closed, description: "A public API: nothing is sent." });

/** One way to connect. */
export const Auth = Type.Union([OAuth2, ApiKey, Basic, Bearer, None], {
  description: "One way to connect.",
  discriminator: { propertyName: "type" },
});
