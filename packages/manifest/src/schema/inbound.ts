import { Type } from "typebox";
import { identifier } from "./action.ts";
import { Inputs } from "./field.ts";
import { Request } from "./request.ts";
import { closed, Duration, Expression, keyed, OneOf, Pattern, Template, Text, Tree } from "./text.ts";

const trigger = {
  title: Text("What the person sees.", 100),
  description: Type.Optional(Text("When it starts a workflow, in a sentence.", 1000)),
  input: Type.Optional(Inputs),
  scopes: Type.Optional(
    Type.Array(Type.String({ minLength: 1, maxLength: 500 }), {
      maxItems: 50,
      description: "Scopes that this trigger needs beside the required ones.",
    }),
  ),
  sample: Type.Array(Type.Unknown(), { minItems: 1, maxItems: 10, description: "Items as the workflow gets them." }),
};

const Polling = Type.Object(
  {
    type: Type.Literal("polling", { description: "How the platform learns of it." }),
    ...trigger,
    every: Type.Optional(
      Type.Union(
        [
          Duration("How often the provider is asked."),
          Type.Object(
            {
              default: Duration("The interval when the person chooses none."),
              options: Type.Array(Duration("An interval."), { minItems: 1, maxItems: 10, description: "What can be chosen." }),
            },
            closed,
          ),
        ],
        { description: "How often the provider is asked. Default: 15m." },
      ),
    ),
    request: Request("trigger.request", "The request that finds what is new, with `run.previous_started_at`."),
    items: Expression("trigger.items", "The list in an answer."),
    next: Type.Optional(Expression("trigger.items", "The next page's `page.cursor`; no result ends the list.")),
    dedupe_id: Expression("trigger.item", "What tells one `item` from another, so that none comes twice."),
    output: Type.Optional(Expression("trigger.item", "What the workflow gets of an `item`. Default: item.")),
  },
  { ...closed, description: "The provider is asked for what is new." },
);

const Webhook = Type.Object(
  {
    type: Type.Literal("webhook", { description: "How the platform learns of it." }),
    ...trigger,
    events: Type.Array(Text("An `event_type`, at most one `*` at its end.", 200), {
      minItems: 1,
      maxItems: 200,
      description: "The event types that start it.",
    }),
    manual: Type.Optional(
      Template("trigger.manual", "What the person does at the provider where it cannot be subscribed to by a request."),
    ),
    subscribe: Type.Optional(
      Type.Object(
        {
          request: Request("subscription.request", "The request that asks for events, with `hook.url` and `hook.secret`."),
          subscription: Type.Optional(
            Expression("subscription.value", "What is kept of the answer, with `expires_at` in ms or ISO 8601. Default: body."),
          ),
          renew_before: Type.Optional(Duration("How long before `expires_at` it is asked for again.")),
        },
        { ...closed, description: "How events are asked for." },
      ),
    ),
    unsubscribe: Type.Optional(
      Type.Object(
        { request: Request("subscription.request", "The request that ends it, with `subscription`.") },
        { ...closed, description: "How events are no longer asked for." },
      ),
    ),
  },
  { ...closed, description: "The provider tells." },
);

const Trigger = Type.Union([Polling, Webhook], {
  description: "What starts a workflow.",
  discriminator: { propertyName: "type" },
});

export const Triggers = Type.Record(Type.String(), Trigger, keyed(identifier, 200, "What starts a workflow."));

const algorithms = ["sha1", "sha256", "sha384", "sha512"] as const;

const Signature = Type.Object(
  {
    header: Text("The header that holds the signature.", 100),
    prefix: Type.Optional(Text("What stands in front of it, such as `sha256=`.", 50)),
    pairs: Type.Optional(
      Type.Object(
        {
          separator: Type.Optional(Text("Between pairs. Default: a comma.", 5)),
          assign: Type.Optional(Text("Between name and value. Default: =.", 5)),
          signature: Text("The name of the signature.", 50),
          timestamp: Type.Optional(Text("The name of the timestamp.", 50)),
        },
        { ...closed, description: "The header holds several named values, such as `t=…,v1=…`." },
      ),
    ),
    timestamp_header: Type.Optional(Text("The header that tells when it was signed.", 100)),
    timestamp_unit: Type.Optional(OneOf(["s", "ms", "iso"], "Default: s.")),
    algorithm: Type.Optional(OneOf(algorithms, "The digest of the HMAC. Default: sha256.")),
    encoding: Type.Optional(OneOf(["hex", "base64", "base64url"], "How the signature is written. Default: hex.")),
    signed: Type.Optional(
      Template("inbound.signed", "What is signed, with `request.raw_body` and `signature.timestamp`. Default: the raw body."),
    ),
    secret: Template("inbound.secret", "The key, such as `{{ app.signing_secret }}` or `{{ hook.secret }}`."),
    secret_encoding: Type.Optional(OneOf(["utf8", "hex", "base64"], "How the key is written. Default: utf8.")),
    tolerance: Type.Optional(Duration("How old a signed timestamp may be. Default: 5m.")),
  },
  { ...closed, description: "A keyed digest over the raw bytes, compared in constant time." },
);

const respond = (pattern: boolean) =>
  Type.Object(
    {
      status: Type.Optional(Type.Integer({ minimum: 200, maximum: 299, description: "Default: 200." })),
      type: Type.Optional(Text("The content type. Default: text/plain.", 100)),
      body: Tree("inbound.respond", "The body: a template, or a map that is sent as JSON."),
      ...(pattern
        ? { pattern: Type.Optional(Pattern("What an echoed text must match, so that no page of others is served.")) }
        : {}),
    },
    { ...closed, description: "The answer." },
  );

const Verification = Type.Object(
  {
    signature: Type.Optional(Signature),
    token: Type.Optional(
      Type.Object(
        {
          header: Type.Optional(Text("The header that holds it.", 100)),
          query: Type.Optional(Text("The query parameter that holds it.", 100)),
          secret: Template("inbound.secret", "What it must equal."),
        },
        { ...closed, description: "A shared secret that the provider sends along." },
      ),
    ),
    challenge: Type.Optional(
      Type.Object(
        {
          when: Expression("inbound.request", "Whether the request only asks if somebody is here."),
          respond: respond(true),
        },
        { ...closed, description: "The provider's question whether the URL is ours." },
      ),
    ),
    none: Type.Optional(Text("Why deliveries cannot be verified.")),
  },
  { ...closed, description: "Whether a delivery really comes from the provider." },
);

const parsed = {
  when: Type.Optional(Expression("inbound.request", "Whether this delivery is for this parser. Default: true.")),
  each: Type.Optional(Expression("inbound.request", "A list in the delivery: one event for each `item`.")),
  valid_request: Expression("inbound.request", "Whether it is an event at all."),
  app_tenant_id: Type.Optional(Expression("inbound.request", "The tenant at the provider.")),
  app_user_id: Expression("inbound.request", "The account at the provider that the event is about."),
  event_type: Expression("inbound.request", "The event's name, such as `'order.created'`."),
  event_payload: Expression("inbound.request", "What the workflow gets."),
  dedupe_id: Type.Optional(Expression("inbound.request", "What tells one delivery from another.")),
};

const Parser = Type.Object(parsed, { ...closed, description: "Reads an event out of a delivery." });

const ActionParser = Type.Object(
  {
    decode: Type.Optional(
      Type.Object(
        {
          from: OneOf(["form", "json"], "How the body is sent."),
          field: Type.Optional(Text("The field that holds it.", 100)),
          as: Type.Optional(OneOf(["json", "text"], "What is in the field. Default: json.")),
        },
        { ...closed, description: "Where `request.action` comes from." },
      ),
    ),
    ...parsed,
    respond: Type.Optional(respond(false)),
    reply_hosts: Type.Optional(
      Type.Array(Type.String({ pattern: "^https://", maxLength: 500 }), {
        maxItems: 20,
        description: "Where the workflow may answer without a credential.",
      }),
    ),
  },
  { ...closed, description: "Reads a person's click in a message out of a delivery." },
);

const Mapper = Type.Object(
  {
    match: OneOf(
      ["hook", "unique_id", "lookup"],
      "`hook`: each connection has its own URL; `unique_id`: `value` equals a connection's unique id; `lookup`: a request tells it.",
    ),
    request: Type.Optional(Request("mapper.request", "The request of `lookup`, made with the hook's own connection.")),
    value: Type.Optional(Expression("mapper.value", "The unique id of the connections that the event belongs to.")),
    cache: Type.Optional(Duration("How long the answer of `lookup` is remembered.")),
  },
  { ...closed, description: "Which connections an event belongs to." },
);

const TokenValidation = Type.Union(
  [
    Type.Literal("test"),
    Type.Object(
      {
        request: Request("test.request", "A request that succeeds with a good credential only."),
        valid: Type.Optional(Expression("test.valid", "Whether the credential is good. Default: any 2xx answer.")),
        error: Type.Optional(Template("test.error", "What the person reads when it is not.")),
      },
      closed,
    ),
  ],
  { description: "How a stored credential is checked; `test` is the auth's own test, which is the default." },
);

export const Services = Type.Object(
  {
    token_validation: Type.Optional(TokenValidation),
    user_id_mapper: Type.Optional(Mapper),
    webhook_verification: Type.Optional(Verification),
    webhook_parser: Type.Optional(Parser),
    action_callback_parser: Type.Optional(ActionParser),
  },
  { ...closed, description: "What happens to requests that the provider sends." },
);
