import { Type } from "typebox";
import { CallbackCaptures } from "./capture.ts";
import { Field } from "./field.ts";
import { Headers, Method, Parameters, Request } from "./request.ts";
import { closed, Duration, Expression, keyed, OneOf, Template, Text, Word } from "./text.ts";
import { Assertion, Refresh, Token, tokenEncodings } from "./token.ts";

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
    optional_param: Type.Optional(
      Text("A parameter of its own for the optional scopes, which the provider grants if it can. Default: none.", 100),
    ),
    required: Type.Optional(Type.Array(ScopeItem, { maxItems: 200, description: "Always asked for." })),
    optional: Type.Optional(
      Type.Array(ScopeItem, { maxItems: 200, description: "Asked for only when an action that is used needs it." }),
    ),
    from: Type.Optional(
      Template("scopes", "Further scopes that the user types, separated by white space, such as `{{ fields.scopes }}`."),
    ),
  },
  { ...closed, description: "The scopes and how they are written." },
);

export const clientAuthentications = [
  "client_secret_post",
  "client_secret_basic",
  "client_secret_basic_raw",
  "none",
  "query",
  "bearer",
  "private_key_jwt",
  "client_secret_jwt",
  "tls_client_auth",
] as const;

const Client = Type.Object(
  {
    source: Type.Optional(
      OneOf(
        ["app", "connection", "either", "none"],
        "Who brings client ID and secret: the admin's app, the user, either, or nobody. Default: app.",
      ),
    ),
    authentication: Type.Optional(
      Word(
        "client.authentication",
        clientAuthentications,
        "How the client proves itself at the token endpoint; exactly one way is used, or that which a field's `options` let the user choose. `client_secret_basic` form-encodes " +
          "ID and secret first (RFC 6749 §2.3.1), `client_secret_basic_raw` does not; `query` puts both into the URL; `bearer` sends " +
          "the secret as a bearer token; the `…_jwt` ones sign an assertion (RFC 7523); `tls_client_auth` presents a certificate " +
          "(RFC 8705). Default: client_secret_post.",
      ),
    ),
    id_param: Type.Optional(Text("The provider's name for `client_id`. Default: client_id.", 100)),
    secret_param: Type.Optional(Text("The provider's name for `client_secret`. Default: client_secret.", 100)),
    assertion: Type.Optional(Assertion),
    fields: Type.Optional(
      Type.Array(Field, {
        maxItems: 12,
        description: "What else the admin enters with the app, such as a private key; templates call it `app.<name>`.",
      }),
    ),
    certificate: Type.Optional(
      OneOf(
        ["none", "token", "always"],
        "Where the client presents a certificate (RFC 8705), `app.certificate` with `app.private_key`: nowhere, at the token endpoint, " +
          "or in API calls too. Default: none; token for tls_client_auth.",
      ),
    ),
    registration: Type.Optional(
      Type.Object(
        {
          url: Template("token.url", "The registration endpoint."),
          params: Type.Optional(Parameters("authorization.params", "Further client metadata.")),
        },
        { ...closed, description: "The client registers itself (RFC 7591), so that no admin has to." },
      ),
    ),
  },
  { ...closed, description: "The OAuth client." },
);

const names = (description: string) =>
  Type.Record(Type.String(), Type.String({ minLength: 1, maxLength: 100, description: "The provider's name for it." }), {
    ...keyed("^[a-z_]{1,100}$", 30, description),
  });

const Authorization = Type.Object(
  {
    url: Template("authorization.url", "The authorization endpoint, where people sign in and consent."),
    params: Type.Optional(Parameters("authorization.params", "Further parameters; null removes a default.")),
    rename: Type.Optional(names("Other names for the engine's own parameters, such as `{ scope: scopes }`.")),
    pkce: Type.Optional(
      Type.Union(
        [
          Type.Literal("S256"),
          Type.Literal("S256-hex"),
          Type.Literal("plain"),
          Type.Object(
            { none: Text("Why the provider cannot take PKCE.") },
            { ...closed, description: "No PKCE, with the reason." },
          ),
        ],
        { description: "Proof key for code exchange (RFC 7636). `S256-hex` writes the digest in hex. Default: S256." },
      ),
    ),
    par: Type.Optional(
      OneOf(
        ["if_offered", "required", "off"],
        "Whether the request is pushed to the provider, so that the browser carries only a reference to it (RFC 9126). The endpoint comes " +
          "from the metadata of `issuer`. Default: if_offered.",
      ),
    ),
    response_type: Type.Optional(Type.Literal("code", { description: "Only `code`: tokens do not belong in URLs." })),
    fragment: Type.Optional(Type.String({ pattern: "^[A-Za-z0-9_-]{1,100}$", description: "What stands behind # in the URL." })),
    route: Type.Optional(
      Type.String({
        pattern: "^/?[A-Za-z0-9_-]+(/[A-Za-z0-9_-]+)*/?$",
        maxLength: 100,
        description: "A path behind # by which the provider's page finds what to show; the parameters then stand behind it.",
      }),
    ),
    order: Type.Optional(
      Type.Array(Text("A parameter's name, as it is sent.", 100), {
        maxItems: 30,
        uniqueItems: true,
        description: "Parameters that must come first, in this order, where the provider checks it.",
      }),
    ),
  },
  { ...closed, description: "The authorization request (RFC 6749 §4.1.1)." },
);

const Verify = Type.Object(
  {
    param: Type.Optional(Text("The parameter that holds the signature. Default: hmac.", 100)),
    algorithm: Type.Optional(OneOf(["sha1", "sha256", "sha512"], "The digest of the HMAC. Default: sha256.")),
    encoding: Type.Optional(OneOf(["hex", "base64", "base64url"], "How the signature is written. Default: hex.")),
    signed: Type.Optional(
      OneOf(
        ["sorted_parameters", "query"],
        "What is signed: the other parameters, sorted and joined by `&`, or the query as it came without the signature. Default: sorted_parameters.",
      ),
    ),
    secret: Type.Optional(Template("callback.secret", "The key. Default: the app's client secret.")),
    timestamp: Type.Optional(Text("The parameter that tells when it was signed, in seconds.", 100)),
    tolerance: Type.Optional(Duration("How old it may be. Default: 5m.")),
  },
  { ...closed, description: "The provider's signature over the callback, checked before any token request." },
);

const Callback = Type.Object(
  {
    code: Type.Optional(Text("The name of the parameter that holds the code. Default: code.", 100)),
    state: Type.Optional(Text("The name of the parameter that brings the state back. Default: as it was sent.", 100)),
    source: Type.Optional(
      OneOf(["query", "form", "webhook"], "How it arrives: in the URL, as a posted form, or as an event. Default: query."),
    ),
    redirect_uri: Type.Optional(
      Template(
        "callback.redirect_uri",
        "What is sent as `redirect_uri` where the provider knows the redirect URL by another name.",
      ),
    ),
    issuer: Type.Optional(
      OneOf(["if_present", "required", "off"], "Whether `iss` is compared with `issuer` (RFC 9207). Default: if_present."),
    ),
    scope: Type.Optional(Text("The name of the parameter that tells what was granted, where the token answer does not.", 100)),
    capture: Type.Optional(CallbackCaptures),
    verify: Type.Optional(Verify),
  },
  { ...closed, description: "What comes back from the authorization endpoint." },
);

const endpoint = {
  method: Type.Optional(Method("Default: POST.")),
  encoding: Type.Optional(OneOf(tokenEncodings, "Default: form.")),
  headers: Type.Optional(Headers("refresh.params", "Further headers.")),
  params: Type.Optional(Parameters("refresh.params", "Further parameters; null removes a default.")),
  authentication: Type.Optional(OneOf(clientAuthentications, "Default: as for the token endpoint.")),
};

const Revocation = Type.Object(
  {
    url: Type.Optional(Template("token.url", "The revocation endpoint (RFC 7009).")),
    ...endpoint,
    tokens: Type.Optional(
      Type.Array(OneOf(["refresh_token", "access_token"], "A token that is revoked."), {
        minItems: 1,
        maxItems: 2,
        uniqueItems: true,
        description: "Which tokens are revoked, one request each, in this order. Default: both, the refresh token first.",
      }),
    ),
    request: Type.Optional(Request("revocation.request", "Instead of `url`: a request of the API, made with the credential.")),
    none: Type.Optional(Text("Instead of both: why the provider has no revocation.")),
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

const Introspection = Type.Object(
  {
    url: Template("token.url", "The introspection endpoint."),
    ...endpoint,
    active: Type.Optional(Expression("introspection.response", "Whether the token is good. Default: active.")),
    expires_at: Type.Optional(Expression("introspection.response", "When it ends, in seconds since 1970. Default: exp.")),
    scope: Type.Optional(Expression("introspection.response", "Its scopes. Default: scope.")),
  },
  {
    ...closed,
    description: "Asks the provider what a token is worth (RFC 7662): called for each new token whose answer tells no lifetime.",
  },
);

const Device = Type.Object(
  {
    url: Template("token.url", "The device authorization endpoint."),
    params: Type.Optional(Parameters("authorization.params", "Further parameters; null removes a default.")),
    interval: Type.Optional(Duration("How often the token endpoint is asked where the answer does not say. Default: 5s.")),
  },
  { ...closed, description: "The device authorization request (RFC 8628 §3.1)." },
);

/** The keys of an `oauth2` auth beside those that every auth has. */
export const oauth2 = {
  grant: OneOf(
    ["authorization_code", "client_credentials", "password", "device_code", "jwt_bearer"],
    "How a credential is obtained: `authorization_code` when a person's data is needed, who signs in and consents; " +
      "`client_credentials` when it is the client's own; `jwt_bearer` with a signed assertion (RFC 7523); `device_code` on a second " +
      "device (RFC 8628); `password` only for servers that know nothing else.",
  ),
  acknowledge_risk: Type.Optional(
    OneOf(["password_grant"], "Compulsory for the grant `password`: the platform then holds a person's password."),
  ),
  issuer: Type.Optional(
    Text(
      "The authorization server's identifier, as it writes it itself. It is compared with `iss` (RFC 9207), and what the server says of " +
        "itself there (RFC 8414, OpenID Connect Discovery) decides whether requests are pushed, tokens are bound to a key, and id tokens " +
        "are checked.",
      500,
    ),
  ),
  dpop: Type.Optional(
    OneOf(
      ["if_offered", "required", "off"],
      "Whether tokens are bound to a key of the connection's own (RFC 9449): where the metadata of `issuer` offers it, always, or never. " +
        "An `apply` or `token.then` of the manifest's own goes without. Default: if_offered.",
    ),
  ),
  store_password: Type.Optional(
    Type.Boolean({
      description:
        "Of the grant `password`: whether the person's password is kept, sealed, for another log-in when the refresh token is refused. " +
        "Otherwise it is erased after the first token. Default: true.",
    }),
  ),
  client: Type.Optional(Client),
  scopes: Type.Optional(Scopes),
  audience: Type.Optional(Template("audience", "The API that the token is for; sent as `audience`.")),
  resource: Type.Optional(Template("audience", "The API that the token is for; sent as `resource` (RFC 8707).")),
  authorization: Type.Optional(Authorization),
  device: Type.Optional(Device),
  assertion: Type.Optional(Assertion),
  callback: Type.Optional(Callback),
  token: Token,
  refresh: Type.Optional(Refresh),
  revocation: Type.Optional(Revocation),
  introspection: Type.Optional(Introspection),
};

/** The same, for providers of OAuth 1.0a (RFC 5849). */
export const oauth1 = {
  signature_method: Type.Optional(
    OneOf(["HMAC-SHA1", "HMAC-SHA256", "RSA-SHA1", "PLAINTEXT"], "How requests are signed (RFC 5849 §3.4). Default: HMAC-SHA1."),
  ),
  realm: Type.Optional(Template("token.url", "Sent as `realm` in the Authorization header.")),
  client: Type.Optional(
    Type.Object(
      {
        source: Type.Optional(OneOf(["app", "connection"], "Who brings consumer key and secret. Default: app.")),
        fields: Type.Optional(
          Type.Array(Field, { maxItems: 12, description: "What else the admin enters; templates call it `app.<name>`." }),
        ),
      },
      { ...closed, description: "The consumer." },
    ),
  ),
  request_token: Type.Object(
    {
      url: Template("token.url", "Where temporary credentials are asked for."),
      params: Type.Optional(Parameters("authorization.params", "Further parameters.")),
    },
    { ...closed, description: "The request for temporary credentials (RFC 5849 §2.1)." },
  ),
  authorization: Type.Object(
    {
      url: Template("authorization.url", "Where people sign in and consent."),
      params: Type.Optional(Parameters("authorization.params", "Further parameters.")),
    },
    { ...closed, description: "The resource owner's authorization (RFC 5849 §2.2)." },
  ),
  token: Type.Object(
    {
      url: Template("token.url", "Where the token is asked for."),
      params: Type.Optional(Parameters("authorization.params", "Further parameters.")),
    },
    { ...closed, description: "The request for the token (RFC 5849 §2.3)." },
  ),
};
