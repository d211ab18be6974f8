import { type Static, Type } from "typebox";
import { Actions, ErrorRule, identifier, OptionSets, RateLimit } from "./action.ts";
import { Auth } from "./auth.ts";
import { Services, Triggers } from "./inbound.ts";
import { closed, keyed, Template, Text } from "./text.ts";

const connectorName = "^[a-z][a-z0-9]*(-[a-z0-9]+)*$";

/** The whole of a `connector.yaml`: the only definition of its keys. */
export const ManifestSchema = Type.Object(
  {
    manifest: Type.Literal(1, { description: "The version of the manifest language." }),
    name: Type.String({
      pattern: connectorName,
      maxLength: 64,
      description: "The folder's name: lower case, digits and single hyphens.",
    }),
    extends: Type.Optional(
      Type.String({
        pattern: connectorName,
        maxLength: 64,
        description:
          "Another connector whose way to sign in this one shares. Of it come `base_url`, `environments`, `auth`, `errors` and `rate_limit`; " +
          "what stands here is laid over: maps are merged, everything else is replaced, null removes.",
      }),
    ),
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
    rate_limit: Type.Optional(RateLimit),
    options: Type.Optional(OptionSets),
    actions: Type.Optional(Actions),
    triggers: Type.Optional(Triggers),
    services: Type.Optional(Services),
  },
  {
    ...closed,
    title: "Jackfield connector manifest",
    description: "One YAML file declares everything about an API's sign-in and actions.",
  },
);

/** A manifest as it is written. */
export type Manifest = Static<typeof ManifestSchema>;
