import { Type } from "typebox";
import { nullable, oneOf } from "./schemas.ts";

const Choice = Type.Object({ label: Type.String(), value: Type.Unknown() });

const form = {
  name: Type.String(),
  label: Type.String(),
  type: Type.String(),
  required: Type.Boolean(),
  help: nullable(Type.String()),
  placeholder: nullable(Type.String()),
  pattern: nullable(Type.String()),
  default: Type.Unknown({ description: "null: none." }),
  options: nullable(Type.Array(Choice)),
  options_from: Type.Union([Type.String(), Type.Null()], {
    description: "The `options` block that asks the provider for the choices.",
  }),
  visible_if: Type.Union([Type.String(), Type.Null()], { description: "JSONata over `fields`; shown and sent only while true." }),
};

const Field = Type.Object(
  {
    ...form,
    secret: Type.Boolean({ description: "Never given back." }),
    list: Type.Boolean({ description: "Takes a list of such values." }),
    prefix: nullable(Type.String()),
    suffix: nullable(Type.String()),
  },
  { title: "Field", description: "What the user is asked." },
);

const Member = Type.Object(
  { ...form, list: Type.Boolean(), min: nullable(Type.Number()), max: nullable(Type.Number()) },
  { title: "Member", description: "A part of an input that is a group." },
);

const Input = Type.Object(
  {
    ...form,
    fields: Type.Union([Type.Array(Member), Type.Null()], { description: "The parts of a group; null: it is none." }),
    options_depend_on: Type.Array(Type.String(), {
      description: "The inputs that the choices of `options_from` are asked with: where one of them changes, ask again.",
    }),
    list: Type.Boolean(),
    min: nullable(Type.Number()),
    max: nullable(Type.Number()),
  },
  { title: "Input", description: "What an action takes." },
);

const Scope = Type.Object({ name: Type.String(), reason: Type.String() });

const available = Type.Boolean({
  description: "Whether this deployment allows it; otherwise connecting answers `grant_disabled`.",
});

const Auth = Type.Object(
  {
    id: Type.String(),
    type: Type.String(),
    grant: nullable(Type.String()),
    title: Type.String(),
    description: nullable(Type.String()),
    recommended: Type.Boolean({ description: "At most one of a connector; never one that takes a person's password." }),
    available,
    stores_password: Type.Union([Type.Boolean(), Type.Null()], {
      description: "Of the grant `password`: whether the password is kept, sealed, after the first token.",
    }),
    user_step: Type.Boolean({ description: "Whether the user signs in at the provider." }),
    takes_app: Type.Boolean({ description: "Whether an admin can save an app for it." }),
    registers_itself: Type.Boolean({ description: "Whether the platform registers itself where no app is saved." }),
    app_fields: Type.Array(Field, { description: "What the admin enters beside client ID and secret." }),
    client_source: nullable(oneOf(["app", "connection", "either", "none"], "Who brings client ID and secret.")),
    setup: Type.Union([Type.String(), Type.Null()], { description: "Markdown: what the admin does at the provider." }),
    fields: Type.Array(Field),
    scopes: Type.Object({ required: Type.Array(Scope), optional: Type.Array(Scope) }),
  },
  { title: "Auth", description: "One way to connect." },
);

const Action = Type.Object(
  {
    id: Type.String(),
    title: Type.String(),
    description: nullable(Type.String()),
    auth: Type.Union([Type.Array(Type.String()), Type.Null()], {
      description: "The ways to connect that it works with; null: all.",
    }),
    scopes: Type.Array(Type.String()),
    input: Type.Array(Input),
  },
  { title: "Action" },
);

const head = {
  name: Type.String(),
  title: Type.String(),
  description: Type.String(),
  categories: Type.Array(Type.String()),
  icon_url: Type.String({ description: "Relative to the public URL." }),
  docs_url: nullable(Type.String()),
  version: Type.String(),
  configured: Type.Boolean({ description: "Whether a user can connect: no app is needed, or one is saved." }),
};

export const ConnectorItem = Type.Object(
  {
    ...head,
    auth: Type.Array(
      Type.Object({ id: Type.String(), type: Type.String(), title: Type.String(), available }, { title: "AuthItem" }),
    ),
  },
  { title: "ConnectorItem" },
);

export const ConnectorDetail = Type.Object(
  {
    ...head,
    redirect_uri: Type.String({ description: "To be registered at the provider." }),
    environments: Type.Array(Type.String(), { description: "The first is the default." }),
    auth: Type.Array(Auth),
    actions: Type.Array(Action),
  },
  { title: "ConnectorDetail" },
);
