// test.yaml: what a connector is given, what its provider answers, and what must come of it.

/** A request as it is sent. Header names are lower case. */
export interface ExpectedRequest {
  readonly method: string;
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** What the provider answers. A body that is no text is sent as JSON. */
export interface Answer {
  /** Default: 200. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: unknown;
}

export interface Exchange {
  readonly request?: ExpectedRequest;
  readonly answer?: Answer;
}

export interface ActionCase {
  readonly name: string;
  readonly input?: Readonly<Record<string, unknown>>;
  readonly exchanges?: readonly Exchange[];
  readonly output?: unknown;
  readonly error?: unknown;
}

interface Phase {
  readonly exchanges?: readonly Exchange[];
  readonly expect?: unknown;
}

export interface Case extends Phase {
  readonly name?: string;
  /** Default: the first. */
  readonly auth?: string;
  readonly environment?: string;
  /** The time of everything in this case. */
  readonly now?: string;
  readonly fields?: Readonly<Record<string, unknown>>;
  readonly app?: Readonly<Record<string, string>>;
  /** Asked for beside the required ones, as after an action that lacked them. */
  readonly scopes?: readonly string[];
  readonly callback?: Readonly<Record<string, string>>;
  readonly actions?: readonly ActionCase[];
  readonly refresh?: Phase;
  readonly disconnect?: Phase;
  readonly whitelist?: { readonly allowed?: readonly string[]; readonly refused?: readonly string[] };
}

export interface ConnectorTest {
  readonly cases: readonly Case[];
}

const text = (description: string) => ({ type: "string", minLength: 1, description });
const map = (of: object, description: string) => ({ type: "object", additionalProperties: of, description });
const closed = (properties: object, description: string, required: readonly string[] = []) => ({
  type: "object",
  properties,
  required,
  additionalProperties: false,
  description,
});

const exchanges = {
  type: "array",
  maxItems: 50,
  description: "The requests that are made, in this order, and what the provider answers.",
  items: closed(
    {
      request: closed(
        {
          method: text("In upper case."),
          url: text("The whole URL."),
          headers: map({ type: "string" }, "Names in lower case. All that the engine and the manifest set."),
          body: { type: "string", description: "Exactly as it is sent." },
        },
        "Written by `--update`. `<any>` within a text stands for anything, `<signature>` for the random signature of a JSON Web Token.",
        ["method", "url"],
      ),
      answer: closed(
        {
          status: { type: "integer", minimum: 100, maximum: 599, description: "Default: 200." },
          headers: map(
            { anyOf: [{ type: "string" }, { type: "array", items: { type: "string" } }] },
            "Header names do not depend on case.",
          ),
          body: { description: "A text is sent as it is, anything else as JSON." },
        },
        "What the provider answers, as its documentation shows or as it was recorded; without real tokens and names.",
      ),
    },
    "One request and its answer.",
  ),
};

const phase = (description: string, outcome: string) =>
  closed({ exchanges, expect: { type: "object", description: outcome } }, description);

/** The JSON Schema of a test.yaml. */
export const testJsonSchema = {
  $schema: "http://json-schema.org/draft-07/schema#",
  title: "Jackfield connector test",
  ...closed(
    {
      cases: {
        type: "array",
        minItems: 1,
        maxItems: 100,
        description: "Each is a connection of its own, from its creation on.",
        items: closed(
          {
            name: text("What the case shows, in a few words."),
            auth: text("The way to connect. Default: the first."),
            environment: text("Default: the first."),
            now: text("The time of everything in this case, in ISO 8601. Default: 2026-01-01T00:00:00Z."),
            fields: map(
              {},
              "What the user enters. <rsa-private-key>, <ec-private-key> and <ed25519-private-key> stand for published test keys.",
            ),
            app: map({ type: "string" }, "What the admin enters. Default: client_id CLIENT_ID, client_secret CLIENT_SECRET."),
            scopes: {
              type: "array",
              maxItems: 100,
              items: { type: "string", minLength: 1 },
              description: "Optional scopes that are asked for, too, as after an action that lacked them.",
            },
            callback: map(
              { type: "string" },
              "The parameters with which the provider sends the browser back, without the state. Default: code CODE. <hmac> stands for the right signature.",
            ),
            exchanges,
            expect: { type: "object", description: "What comes of connecting. Written by `--update`." },
            actions: {
              type: "array",
              maxItems: 100,
              description: "Steps that are run with the connection, one after the other.",
              items: closed(
                {
                  name: text("The action's id."),
                  input: map({}, "What it is given."),
                  exchanges,
                  output: { description: "What it gives. Written by `--update`." },
                  error: { type: "object", description: "The error that it ends in. Written by `--update`." },
                },
                "One step.",
                ["name"],
              ),
            },
            refresh: phase(
              "The credential is replaced now, after the actions.",
              "What the connection is afterwards. Written by `--update`.",
            ),
            disconnect: phase("The connection is ended, last of all.", "What the provider was told. Written by `--update`."),
            whitelist: closed(
              {
                allowed: { type: "array", items: { type: "string" }, description: "URLs that the credential may be sent to." },
                refused: { type: "array", items: { type: "string" }, description: "URLs that it must never be sent to." },
              },
              "Where the connection's credential may go.",
            ),
          },
          "One connection.",
        ),
      },
    },
    "What a connector is given, what its provider answers, and what must come of it.",
    ["cases"],
  ),
} as const;
