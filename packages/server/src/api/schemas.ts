import { statuses } from "@jackfield/engine";
import { Type } from "typebox";
import { callers, roles } from "../access/roles.ts";

/*
 * What requests and answers look like. Types, validation and /openapi.json are all made from these; a schema with a title becomes a
 * component there.
 */

export const closed = { additionalProperties: false } as const;

export const oneOf = <T extends string>(values: readonly T[], description: string) =>
  Type.Unsafe<T>({ type: "string", enum: [...values], description });
export const nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) => Type.Union([schema, Type.Null()]);
export const list = <T extends Parameters<typeof Type.Array>[0]>(item: T) =>
  Type.Object({
    items: Type.Array(item),
    next: Type.Union([Type.String(), Type.Null()], {
      description: "Give it as `cursor` to get the next page; null: there is none.",
    }),
  });

export const time = Type.String({ format: "date-time", description: "ISO 8601 in UTC." });

/** Control characters would hide in lists and logs, and break lines there. */
export const plainLine = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$";
export const plainLines = "^[^\\u0000-\\u0009\\u000b-\\u001f\\u007f-\\u009f]*$";
/** What a header can carry without an encoding. */
const plainAscii = "^[\\u0020-\\u007e]*$";
const visibleAscii = "^[\\u0021-\\u007e]*$";
/** What is said to who breaks one of these patterns. */
export const patternWords: Readonly<Record<string, string>> = {
  [plainLine]: "must be one line without control characters",
  [plainAscii]: "must be ASCII; the body's `workflow` takes any text",
  [visibleAscii]: "must be ASCII without spaces",
  [plainLines]: "must have no control characters other than line feeds",
};

const name = /^[a-z][a-z0-9_]{0,63}$/.source;

/** Values by name; the engine knows which names there are. */
export const Values = Type.Unsafe<Record<string, unknown>>({
  type: "object",
  propertyNames: { pattern: name },
  maxProperties: 200,
});

export const Status = oneOf(statuses, "Where the connection stands.");

export const ProviderWords = Type.Object(
  {
    status: Type.Optional(Type.Integer()),
    error: Type.Optional(Type.String()),
    error_description: Type.Optional(Type.String()),
    error_uri: Type.Optional(Type.String()),
  },
  { title: "ProviderWords", description: "What the provider said, redacted and cut." },
);

export const Unrevoked = Type.Object(
  {
    provider_revoked: Type.Literal(false),
    provider: ProviderWords,
    retrying: Type.Boolean({ description: "Whether the provider is told again in the background." }),
  },
  { title: "Unrevoked", description: "A connection that is erased here and may live on at the provider." },
);

export const Problem = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    code: Type.String({ description: "Never renamed and never reused." }),
    detail: Type.String(),
    hint: Type.String({ description: "What to do about it." }),
    audience: Type.String({ description: "Who can do something about it: author, user, admin, provider or operator." }),
    request_id: Type.String(),
    provider: Type.Optional(ProviderWords),
  },
  { title: "Problem", description: "RFC 9457. Some codes have further members." },
);

const ConnectionError = Type.Object(
  { code: Type.String(), message: Type.String(), hint: Type.String(), provider: Type.Optional(ProviderWords), at: time },
  { title: "ConnectionError", description: "Why the connection is not well." },
);

export const Connection = Type.Object(
  {
    id: Type.String(),
    connector: Type.String(),
    auth: Type.String(),
    environment: Type.String(),
    owner: Type.String(),
    name: nullable(Type.String()),
    description: nullable(Type.String()),
    label: Type.Union([Type.String(), Type.Null()], { description: "The user's name for it, or else what it calls itself." }),
    status: Status,
    unique_id: nullable(Type.String()),
    client_id: Type.Union([Type.String(), Type.Null()], {
      description: "The app's client that it was made with; null where the connection brought its own, or needs none.",
    }),
    fields: Type.Record(Type.String(), Type.Unknown(), { description: "The fields that are not secret." }),
    auth_version: Type.Union([Type.String(), Type.Null()], {
      description: "The version of the way to connect that it was made with, and goes on with; null until it is connected.",
    }),
    upgrade_available: Type.Boolean({
      description: "Whether the way to connect has changed since; reconnecting brings it up to date.",
    }),
    scopes: Type.Array(Type.String()),
    missing_scopes: Type.Array(Type.String(), {
      description: "What the account has not granted, with what the connector has come to ask for since.",
    }),
    renewable: Type.Boolean({ description: "Whether it is kept fresh without its user." }),
    expires_at: nullable(time),
    authorized_at: Type.Union([time, Type.Null()], { description: "When its person signed in the last time." }),
    reauth_by: Type.Union([time, Type.Null()], {
      description: "Until when its person must sign in again, however often it is refreshed; null: never, or not known.",
    }),
    last_used_at: Type.Union([time, Type.Null()], { description: "When a step last used it, to the hour." }),
    last_test: nullable(
      Type.Object({
        at: time,
        outcome: oneOf(["passed", "failed", "unreachable"], "How it ended."),
        status: Type.Optional(Type.Integer()),
        duration_ms: Type.Number(),
      }),
    ),
    error: nullable(ConnectionError),
    created_at: time,
    updated_at: time,
  },
  { title: "Connection" },
);

export const Authorization = Type.Object(
  {
    authorization_url: Type.String({
      description:
        "Where the browser goes: a page of ours that goes on to the provider; with the grant `device_code` the provider's own.",
    }),
    expires_at: time,
    user_code: Type.Optional(
      Type.String({ description: "With the grant `device_code`: what the person types at `verification_uri`, on any device." }),
    ),
    verification_uri: Type.Optional(
      Type.String({ description: "With the grant `device_code`: the provider's page for the code." }),
    ),
    interval: Type.Optional(
      Type.Number({
        description: "With the grant `device_code`: seconds between two questions of ours whether it was confirmed.",
      }),
    ),
  },
  { title: "Authorization", description: "A sign-in under way." },
);

export const OptionsPage = Type.Object(
  {
    options: Type.Array(Type.Object({ label: Type.String(), value: Type.Unknown() })),
    next: Type.Union([Type.String(), Type.Null()], { description: "The next page's `cursor`." }),
  },
  { title: "OptionsPage", description: "A page of a drop-down's choices." },
);

const client = {
  client_id: Type.String(),
  connections: Type.Integer({ description: "How many working connections were made with it." }),
  paused_until: Type.Union([Type.String(), Type.Null()], {
    description: "Until when nothing is refreshed with it, because the provider refuses it; then one connection tries again.",
  }),
  error: nullable(ConnectionError),
};

/** A day, as the engine checks it. */
const Day = Type.String({ maxLength: 10, description: "Such as 2026-12-31." });

/** What is saved of an app. */
export const AppValues = Type.Object(
  {
    client_id: Type.String({ minLength: 1, maxLength: 4096 }),
    client_secret: Type.Optional(Type.String({ minLength: 1, maxLength: 20_000 })),
    keep_previous: Type.Optional(
      Type.Boolean({ description: "False: the secret before this one is given up at once. Default: it is held for seven days." }),
    ),
    expires_on: Type.Optional(nullable(Day)),
  },
  {
    additionalProperties: Type.String({ maxLength: 20_000 }),
    description: "Further keys are those of the connector's `app_fields`; one that is left out stays as it is stored.",
  },
);

export const App = Type.Object(
  {
    connector: Type.String(),
    auth: Type.String(),
    environment: Type.String(),
    ...client,
    secret_set: Type.Boolean({ description: "The secret itself is never given back." }),
    previous_secret_until: Type.Union([Type.String(), Type.Null()], {
      description: "Until when the secret before this one is tried where the provider refuses this one.",
    }),
    previous_secret_used: Type.Boolean({ description: "Whether it had to be: the provider does not take the new one." }),
    expires_on: Type.Union([Day, Type.Null()], { description: "When the secret ends at the provider." }),
    former: Type.Array(Type.Object({ ...client, since: time }), {
      description: "The clients before this one, kept for the connections that were made with them.",
    }),
    fields: Type.Record(Type.String(), Type.Unknown(), { description: "What else was saved that is no secret." }),
    secrets_set: Type.Array(Type.String(), { description: "Names of the other secrets that were saved." }),
    registered: Type.Boolean({ description: "Whether no admin saved it: the platform registered itself at the provider." }),
    redirect_uri: Type.String(),
    created_at: time,
    updated_at: time,
  },
  { title: "App", description: "The client that an admin registered at the provider." },
);

export const ApiKey = Type.Object(
  {
    id: Type.String(),
    name: Type.String(),
    role: oneOf(roles, "What the key may do."),
    workspace: Type.String(),
    owner: Type.String({ description: "Whose connections it makes." }),
    created_at: time,
    last_used_at: nullable(time),
    revoked_at: nullable(time),
  },
  { title: "ApiKey" },
);

export const Session = Type.Object(
  {
    id: Type.String({ description: "The id of the API key, or of the connect session." }),
    role: oneOf(callers, "What it may do."),
    owner: Type.String(),
    workspace: Type.String(),
  },
  { title: "Session" },
);

export const ConnectSession = Type.Object(
  {
    id: Type.String(),
    state: oneOf(
      ["open", "used", "expired", "ended"],
      "`used`: something was connected; it can still be used. `ended`: before its time, or with its key.",
    ),
    owner: Type.String({ description: "Whose connections it makes." }),
    connectors: Type.Union([Type.Array(Type.String()), Type.Null()], {
      description: "Names of the connectors that may be connected; null: all.",
    }),
    auth: Type.Union([Type.String(), Type.Null()], { description: "The only way to connect; null: any." }),
    environment: Type.Union([Type.String(), Type.Null()], { description: "The only environment; null: any." }),
    connection: Type.Union([Type.String(), Type.Null()], {
      description: "The connection that may be reconnected; then no other can be made.",
    }),
    name: nullable(Type.String()),
    return_origin: nullable(Type.String()),
    return_url: Type.Union([Type.String(), Type.Null()], { description: "Where the page's link back leads to." }),
    connections: Type.Array(Connection, { description: "What was connected with it." }),
    created_at: time,
    expires_at: time,
  },
  { title: "ConnectSession", description: "A link with which somebody without a key connects." },
);

export const StepResult = Type.Object(
  {
    output: Type.Unknown(),
    step: Type.Object({
      id: Type.String(),
      connection: Type.String(),
      action: Type.String(),
      attempts: Type.Integer(),
      status: Type.Integer(),
      duration_ms: Type.Number(),
      mode: Type.Optional(Type.Literal("test", { description: "Somebody only tried it." })),
      shortened: Type.Optional(Type.Boolean({ description: "With mode `test`: whether the output was cut." })),
    }),
  },
  { title: "StepResult" },
);

export const FileInfo = Type.Object(
  {
    id: Type.String(),
    name: nullable(Type.String()),
    type: Type.String(),
    size: Type.Integer({ description: "Bytes." }),
    created_at: time,
    expires_at: time,
  },
  { title: "File", description: "A file that is kept for steps: an input of type `file` takes `{ file: <id> }`." },
);

/** A line of a step's answer as JSON lines. */
const stepLines =
  "An item to a line, as `{ item }`, while the pages are read. The last line is `{ step }`, or `{ error }` with a problem where it ended " +
  "early.";
export const stepLineMedia = { "application/x-ndjson": stepLines, "application/jsonl": stepLines } as const;

export const TestResult = Type.Object(
  {
    ok: Type.Boolean(),
    outcome: oneOf(["passed", "failed", "unreachable"], "How it ended."),
    status: Type.Optional(Type.Integer()),
    duration_ms: Type.Number(),
    preview: Type.Optional(Type.Unknown({ description: "What the provider answered, without secrets, shortened to 4 KiB." })),
    connection: Connection,
  },
  { title: "TestResult" },
);

export const ManifestProblem = Type.Object(
  {
    code: Type.String(),
    severity: oneOf(["error", "warning"], "Whether it keeps the manifest from being used."),
    path: Type.String(),
    line: Type.Integer(),
    column: Type.Integer(),
    message: Type.String(),
    hint: Type.String(),
  },
  { title: "ManifestProblem" },
);

/** `limit` and `cursor` of every list that has pages. */
export const pageQuery = {
  limit: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 200, default: 50, description: "How many items at most. Default: 50." }),
  ),
  cursor: Type.Optional(Type.String({ maxLength: 1000, description: "`next` of the page before." })),
};

/** What a workflow calls itself, in a body. */
export const Workflow = Type.String({
  minLength: 1,
  maxLength: 200,
  pattern: plainLine,
  description: "What the workflow calls itself: kept with the step's event, and counted as a use of the connection.",
});

/** The same in a header, which counts where the body names none. */
export const workflowHeader = Type.Object({
  "jackfield-workflow": Type.Optional(Type.String({ ...Workflow, pattern: plainAscii })),
});

/** As a workflow sends it with a step. */
export const stepHeaders = Type.Object({
  ...workflowHeader.properties,
  "idempotency-key": Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 255,
      pattern: visibleAscii,
      description:
        "Any text without spaces that is this step's alone. Repeated with the same key within 24 hours, the step is not done again: it " +
        "answers what it answered first, with `Idempotent-Replayed: true`.",
    }),
  ),
  "request-timeout": Type.Optional(
    Type.Number({
      minimum: 0.001,
      maximum: 600,
      description:
        "Seconds that the step may take in all, with every wait, further try and page. Default: 30, and 300 for an action that reads pages.",
    }),
  ),
});

export const Identifier = (description: string) => Type.String({ minLength: 1, maxLength: 200, description });

/** Whose connections they are: any text that can be shown. */
export const Owner = (description: string) => Type.String({ minLength: 1, maxLength: 200, pattern: plainLine, description });
