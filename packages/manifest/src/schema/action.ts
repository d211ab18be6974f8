import { Type } from "typebox";
import { Inputs } from "./field.ts";
import { Headers, Parameters, Request } from "./request.ts";
import { closed, Duration, Expression, keyed, OneOf, Template, Text, Tree } from "./text.ts";

export const identifier = "^[a-z][a-z0-9_]{0,63}$";

/** How one answer leads to the next. */
const Paginate = Type.Object(
  {
    type: Type.Optional(
      OneOf(
        ["cursor", "page", "offset", "link", "url"],
        "`cursor`: `next` gives the text that is sent back; `page`, `offset`: counted by the engine; `link`: the header " +
          "`Link` with rel=next; `url`: `next` gives the next page's whole URL. Default: cursor.",
      ),
    ),
    items: Expression("page.items", "The list in an answer."),
    next: Type.Optional(Expression("page.items", "The cursor or URL of the next page; no result ends the list.")),
    size: Type.Optional(Type.Integer({ minimum: 1, maximum: 10000, description: "Items per page, as `page.size`." })),
    start: Type.Optional(Type.Integer({ minimum: 0, description: "The first page's number or offset. Default: 1 or 0." })),
    send: Type.Optional(
      Type.Object(
        {
          query: Type.Optional(Parameters("action.request", "Added to the query of every page.")),
          headers: Type.Optional(Headers("action.request", "Added to the headers of every page.")),
          body: Type.Optional(
            Type.Record(Type.String(), Tree("action.request", "A value of the body."), {
              description: "Added to the body of every page.",
              maxProperties: 20,
            }),
          ),
        },
        {
          ...closed,
          description: "How the next page is asked for, with `page.cursor`, `page.number`, `page.offset`, `page.size`.",
        },
      ),
    ),
    request: Type.Optional(Request("action.request", "The request for the pages after the first, where it is another one.")),
    limit: Type.Optional(Expression("page.items", "At most so many items in all, such as `input.limit`.")),
    max_pages: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: 1000,
        description: "At most so many pages. Default: 100 in one answer, all of them as JSON lines.",
      }),
    ),
  },
  { ...closed, description: "The answer comes in pages; `output` then reads each item of all of them." },
);

const Retry = Type.Object(
  {
    attempts: Type.Optional(Type.Integer({ minimum: 1, maximum: 5, description: "Tries in all. Default: 3." })),
    statuses: Type.Optional(
      Type.Array(Type.Integer({ minimum: 400, maximum: 599 }), {
        maxItems: 20,
        description: "Statuses after which a request that changes nothing is tried again. Default: 429, 502, 503, 504.",
      }),
    ),
    unsafe: Type.Optional(
      Type.Boolean({ description: "Whether a request that changes something may be repeated too. Default: false." }),
    ),
    idempotency_header: Type.Optional(
      Type.String({
        pattern: "^[A-Za-z0-9][A-Za-z0-9-]{0,63}$",
        description: "A header with one random value for all tries, so that the provider knows a repetition.",
      }),
    ),
  },
  { ...closed, description: "When a failed request is tried again." },
);

export const Action = Type.Object(
  {
    title: Text("What the person sees.", 100),
    description: Type.Optional(Text("What it does, in a sentence.", 1000)),
    input: Type.Optional(Inputs),
    auth: Type.Optional(
      Type.Array(Type.String({ pattern: identifier }), {
        minItems: 1,
        maxItems: 10,
        uniqueItems: true,
        description: "The ways to connect that it works with. Default: all.",
      }),
    ),
    scopes: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 500 }), {
        maxItems: 50,
        description: "Scopes that this action needs beside the required ones; each stands under an auth's `scopes`.",
      }),
    ),
    request: Request("action.request", "The request that the action makes."),
    timeout: Type.Optional(Duration("How long one request of it may take, at most 5m. Default: 30s.")),
    ok: Type.Optional(Expression("action.ok", "Whether the answer is a success. Default: any 2xx answer.")),
    error: Type.Optional(Expression("action.error", "The provider's words when it is not.")),
    paginate: Type.Optional(Paginate),
    retry: Type.Optional(Retry),
    output: Type.Optional(
      Expression(
        "action.output",
        "What the workflow gets; with `paginate`, of each item, whose own keys are in reach. Default: the body, of which a text is given as " +
          "`{ text, type }` and other bytes as a file, `{ name, type, size, data }`.",
      ),
    ),
  },
  { ...closed, description: "One API operation." },
);

export const ErrorRule = Type.Object(
  {
    when: Expression("errors.when", "Whether this rule applies; the first that does wins."),
    class: OneOf(["auth", "permission", "rate_limit", "invalid", "not_found", "unavailable"], "What kind of failure it is."),
    message: Type.Optional(Template("errors.message", "What the person reads.")),
  },
  { ...closed, description: "How a failed API answer is understood." },
);

/** A drop-down whose choices the provider knows. */
export const Options = Type.Object(
  {
    request: Request("options.request", "The request whose answer holds the choices."),
    items: Expression("page.items", "The choices, as a list of `{ label, value }`."),
    next: Type.Optional(Expression("page.items", "The next page's `page.cursor`; no result ends the list.")),
  },
  { ...closed, description: "A request that fills a drop-down." },
);

const waitHeader = (description: string) => Type.Optional(Text(description, 100));

export const RateLimit = Type.Object(
  {
    requests: Type.Optional(Type.Integer({ minimum: 1, description: "So many requests …" })),
    per: Type.Optional(Duration("… in this time.")),
    scope: Type.Optional(OneOf(["connection", "app"], "What the budget is counted for. Default: connection.")),
    concurrent: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, description: "At most so many requests at once." })),
    headers: Type.Optional(
      Type.Object(
        {
          remaining: waitHeader("The header with the number of requests that are left."),
          reset: waitHeader("The header that tells when the budget is new."),
          reset_unit: Type.Optional(
            OneOf(["s", "ms", "at_s", "at_ms", "at_iso"], "How `reset` is written: a wait, or a point in time. Default: at_s."),
          ),
          retry_after: waitHeader("Another header with the seconds to wait than `Retry-After`."),
        },
        { ...closed, description: "Which headers tell the wait." },
      ),
    ),
    statuses: Type.Optional(
      Type.Array(Type.Integer({ minimum: 400, maximum: 599 }), {
        maxItems: 10,
        description: "Statuses that mean too many requests beside 429.",
      }),
    ),
  },
  { ...closed, description: "The provider's budget. `429` and `Retry-After` are understood without it." },
);

export const Actions = Type.Record(Type.String(), Action, keyed(identifier, 500, "What a workflow can do."));
export const OptionSets = Type.Record(
  Type.String(),
  Options,
  keyed(identifier, 100, "Drop-downs whose choices the provider knows."),
);
