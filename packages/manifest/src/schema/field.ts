import { Type } from "typebox";
import { closed, Expression, keyed, Name, OneOf, Pattern, type Place, Text } from "./text.ts";

const Choice = Type.Object(
  {
    label: Text("What the person sees.", 200),
    value: Type.Union([Type.String({ maxLength: 1000 }), Type.Number(), Type.Boolean()], { description: "What is sent." }),
  },
  { ...closed, description: "One choice of a drop-down." },
);

const Choices = Type.Array(Choice, { minItems: 1, maxItems: 500, description: "The choices of a drop-down." });

const Default = Type.Union([Type.String({ maxLength: 4000 }), Type.Number(), Type.Boolean()], {
  description: "The value taken when the person gives none.",
});

const form = (visibleIf: Place) => ({
  label: Type.Optional(Text("What the person sees above the box.", 100)),
  help: Type.Optional(Text("One sentence that says where the value is found. Markdown.")),
  placeholder: Type.Optional(Text("Shown in the empty box.", 200)),
  required: Type.Optional(Type.Boolean({ description: "Whether a value must be given. Default: false." })),
  default: Type.Optional(Default),
  pattern: Type.Optional(Pattern("What the whole value must match, in RE2 syntax.")),
  visible_if: Type.Optional(Expression(visibleIf, "Shown, and sent, only while this is true.")),
});

/** One thing that the user is asked when connecting. */
export const Field = Type.Object(
  {
    name: Name("How templates call it: `fields.<name>`."),
    type: Type.Optional(
      OneOf(
        ["string", "text", "number", "boolean", "select", "environment", "url", "path"],
        "What kind of value it is. `environment` chooses one of `environments`; a `url` is a whole https URL and a `path` begins with a " +
          "slash: both are checked when they are typed. Default: string.",
      ),
    ),
    secret: Type.Optional(Type.Boolean({ description: "Stored sealed, never shown again. Default: false." })),
    list: Type.Optional(Type.Boolean({ description: "Takes a list of such values. Default: false." })),
    prefix: Type.Optional(Text("Shown before the box, not part of the value.", 100)),
    suffix: Type.Optional(Text("Shown after the box, not part of the value.", 100)),
    options: Type.Optional(Choices),
    ...form("field.visible_if"),
  },
  { ...closed, description: "One thing that the user is asked when connecting." },
);

/** What an input asks beside its kind. */
const bounds = {
  list: Type.Optional(Type.Boolean({ description: "Takes a list of such values. Default: false." })),
  min: Type.Optional(Type.Number({ description: "The smallest number, or the shortest text." })),
  max: Type.Optional(Type.Number({ description: "The largest number, or the longest text." })),
};

/** A part of an input that is a group. */
const Member = Type.Object(
  {
    type: Type.Optional(
      OneOf(["string", "text", "number", "boolean", "date", "select"], "What kind of value it is. Default: string."),
    ),
    ...bounds,
    options: Type.Optional(Choices),
    label: Type.Optional(Text("What the person sees above the box.", 100)),
    help: Type.Optional(Text("One sentence that says where the value is found. Markdown.")),
    placeholder: Type.Optional(Text("Shown in the empty box.", 200)),
    required: Type.Optional(Type.Boolean({ description: "Whether a value must be given, where the group is. Default: false." })),
    default: Type.Optional(Default),
    pattern: Type.Optional(Pattern("What the whole value must match, in RE2 syntax.")),
  },
  { ...closed, description: "One part of a group." },
);

/** One input of an action or a trigger. */
export const Input = Type.Object(
  {
    type: Type.Optional(
      OneOf(
        ["string", "text", "number", "boolean", "date", "select", "file", "object", "url", "path"],
        "What kind of value it is. A `file` is `{ name, type, data }` with base64 data; an `object` is any JSON object; a `url` is a " +
          "whole https URL; a `path` begins with a slash and may have several segments. Default: string.",
      ),
    ),
    ...bounds,
    fields: Type.Optional(
      Type.Record(Type.String(), Member, {
        ...keyed(
          "^[a-z][a-z0-9_]{0,63}$",
          50,
          "Of an `object`: its parts, each checked by itself, as `input.<name>.<part>`. Without them it is any JSON object.",
        ),
        minProperties: 1,
      }),
    ),
    options: Type.Optional(
      Type.Union(
        [Choices, Type.String({ pattern: "^[a-z][a-z0-9_]{0,63}$", description: "A key of the manifest's own `options`." })],
        { description: "The choices of a drop-down, or the name of an `options` block that asks the provider for them." },
      ),
    ),
    ...form("input.visible_if"),
  },
  { ...closed, description: "One input of an action." },
);

export const Inputs = Type.Record(Type.String(), Input, {
  ...keyed("^[a-z][a-z0-9_]{0,63}$", 100, "What the workflow gives; templates call it `input.<name>`."),
});
