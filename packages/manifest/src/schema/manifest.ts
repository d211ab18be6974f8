import { type Static, Type } from "typebox";
import { Auth } from "./auth.ts";
import { Inputs } from "./field.ts";
import { Request } from "./request.ts";
import { closed, Expression, keyed, OneOf, Template, Text } from "./text.ts";

const identifier = "^[a-z][a-z0-9_]{0,63}$";

const Action = Type.Object(
  {
    title: Text("What the person sees.", 100),
    description: Type.Optional(Text("What it does, in a sentence.", 1000)),
    input: Type.Optional(Inputs),
    scopes: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 500 }), {
        maxItems: 50,
        description: "Scopes that this action needs beside the required ones; each stands under an auth's `scopes`.",
      }),
    ),
    request: Request("action.request", "The request that the action makes."),
    ok: Type.Optional(Expression("action.ok", "Whether the answer is a success. Default: any 2xx answer.")),
    error: Type.Optional(Expression("action.error", "The provider's words when it is not.")),
    output: Type.Optional(Expression("action.output", "What the workflow gets. Default: body.")),
  },
  { ...closed, description: "One API operation." },
);

const ErrorRule = Type.Object(
  {
    when: Expression("errors.when", "Whether this rule applies; the first that does wins."),
    class: OneOf(["auth", "permission", "rate_limit", "invalid", "not_found", "unavailable"], "What kind of failure it is."),
    message: Type.Optional(Template("errors.message", "What the person reads.")),
  },
  { ...closed, description: "How a failed API answer is understood." },
);

/** The whole of a `connector.yaml`: the only definition of its keys. */
export const ManifestSchema = Type.Object(
  {
    manifest: Type.Literal(1, { description: "The version of the manifest language." }),
    name: Type.String({
      pattern: "^[a-z][a-z0-9]*(-[a-z0-9]+)*$",
      maxLength: 64,
      description: "The folder's name: lower case, digits and single hyphens.",
    }),
    title: Text("What the person sees.", 100),
    version: Type.Optional(
      Type.String({
        pattern: "^[0-9]+\\.[0-9]+\\.[0-9]+$",
        description: "The connector's own version (semver). Default: 1.0.0.",
      }),
    ),
    description: Type.Optional(Text("What it connects to, in a sentence.", 1000)),
    categories: Type.Optional(Type.Array(Text("A category.", 40), { maxItems: 10, description: "For the catalogue." })),
    icon: Type.Optional(
      Type.String({ pattern: "^[A-Za-z0-9_-]+\\.svg$", description: "A file in the folder. Default: icon.svg." }),
    ),
    docs_url: Type.Optional(
      Type.String({ pattern: "^https://", maxLength: 500, description: "The provider's own documentation." }),
    ),
    base_url: Template("base_url", "Where the API lives; every `path` is joined to it."),
    environments: Type.Optional(
      Type.Record(
        Type.String(),
        Type.Record(Type.String(), Type.String({ maxLength: 500 }), keyed(identifier, 50, "The environment's variables.")),
        keyed(identifier, 20, "Name to variables: templates call them `env.<variable>`. The first is the default."),
      ),
    ),
    auth: Type.Record(Type.String(), Auth, {
      ...keyed(identifier, 10, "One or more ways to connect; the first is the recommended one."),
      minProperties: 1,
    }),
    errors: Type.Optional(Type.Array(ErrorRule, { maxItems: 50, description: "How failed API answers are understood." })),
    actions: Type.Optional(Type.Record(Type.String(), Action, keyed(identifier, 500, "What a workflow can do."))),
  },
  {
    ...closed,
    title: "Jackfield connector manifest",
    description: "One YAML file declares everything about an API's sign-in and actions.",
  },
);

/** A manifest as it is written. */
export type Manifest = Static<typeof ManifestSchema>;
