import { Type } from "typebox";
import { Captures, Choose } from "./capture.ts";
import { Field } from "./field.ts";
import { oauth1, oauth2 } from "./oauth2.ts";
import { Headers, Parameters, Request } from "./request.ts";
import { closed, Duration, Expression, OneOf, Template, Text, Tree } from "./text.ts";
import { CustomRefresh, CustomToken } from "./token.ts";

const Test = Type.Object(
  {
    request: Request("test.request", "A cheap request that says whose credential this is. Its body is `me`."),
    valid: Type.Optional(Expression("test.valid", "Whether the credential is good. Default: any 2xx answer.")),
    error: Type.Optional(Template("test.error", "What the person reads when the test fails.")),
    timeout: Type.Optional(Duration("How long the test may take, at most 10s. Default: 5s.")),
    every: Type.Optional(Duration("How often it is made in the background, at least every 5m. Default: never.")),
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

const ApplyItem = Type.Object(
  {
    in: Type.Optional(
      OneOf(["header", "query", "body", "path"], "`path`: a segment between `base_url` and the request's path. Default: header."),
    ),
    name: Type.Optional(
      Template("apply.name", "The header's or parameter's name; within a body, keys joined by dots. Default: Authorization."),
    ),
    value: Template("apply", "What is sent, such as `Bearer {{ token.access_token }}`."),
  },
  { ...closed, description: "One place where the credential goes." },
);

const Apply = Type.Union([ApplyItem, Type.Array(ApplyItem, { minItems: 1, maxItems: 10 })], {
  description: "Where the credential goes in a request; a list where it takes several. Default: `Authorization: Bearer …`.",
});

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

const AfterConnect = Type.Object(
  {
    request: Request("connect.request", "A request made with the fresh credential."),
    capture: Type.Optional(Captures("connect.capture", "connection")),
    choose: Type.Optional(Choose),
  },
  { ...closed, description: "Finds what later calls need, such as a tenant; either `capture` or `choose`." },
);

/** What every way to connect has. */
const common = {
  title: Type.Optional(Text("What the button or the choice says.", 100)),
  description: Type.Optional(Text("One or two sentences for the person who connects.", 1000)),
  setup: Type.Optional(Template("setup", "Markdown: what the admin does at the provider. The page adds the redirect URL.")),
  fields: Type.Optional(Type.Array(Field, { maxItems: 30, description: "What the user is asked." })),
  base_url: Type.Optional(Template("base_url", "Instead of the connector's own: where the API lives for this way to connect.")),
  apply: Type.Optional(Apply),
  after_connect: Type.Optional(
    Type.Array(AfterConnect, { maxItems: 5, description: "What is looked up between the token and the test." }),
  ),
  test: Type.Optional(Test),
  label: Type.Optional(Label),
  unique_id: Type.Optional(UniqueId),
  whitelist: Type.Optional(
    Type.Array(
      Template(
        "whitelist",
        "https://host[:port][/path], at most one `*.` in front of the host. A hole alone may give a list, or nothing.",
      ),
      {
        minItems: 1,
        maxItems: 50,
        description: "The URLs that the credential may ever be sent to. Default: exactly `base_url`.",
      },
    ),
  ),
  default_params: Type.Optional(DefaultParams),
};

const tested = { ...common, test: Test };

const type = <Name extends string>(name: Name) => Type.Literal(name, { description: "The way to connect." });

const OAuth2 = Type.Object({ type: type("oauth2"), ...oauth2, ...tested }, { ...closed, description: "OAuth 2.0 (RFC 6749)." });

const OAuth1 = Type.Object({ type: type("oauth1"), ...oauth1, ...tested }, { ...closed, description: "OAuth 1.0a (RFC 5849)." });

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

const Custom = Type.Object(
  {
    type: type("custom"),
    token: Type.Optional(CustomToken),
    refresh: Type.Optional(CustomRefresh),
    revocation: Type.Optional(
      Type.Object(
        {
          request: Type.Optional(Request("revocation.request", "A request of the API, made with the credential.")),
          none: Type.Optional(Text("Instead of it: why the provider has no revocation.")),
        },
        { ...closed, description: "How the provider is told that a credential is no longer wanted." },
      ),
    ),
    ...tested,
  },
  {
    ...closed,
    description:
      "A sign-in of the provider's own: free requests that end in a token, or a signature made for each request by `apply`.",
  },
);

const None = Type.Object({ type: type("none"), ...common }, { ...closed, description: "A public API: nothing is sent." });

/** One way to connect. */
export const Auth = Type.Union([OAuth2, ApiKey, Basic, Bearer, Custom, OAuth1, None], {
  description: "One way to connect.",
  discriminator: { propertyName: "type" },
});
