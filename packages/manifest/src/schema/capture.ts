import { Type } from "typebox";
import { closed, Expression, Pattern, type Place, Template, Text } from "./text.ts";

export const captureName = "^[a-z][a-z0-9_]{0,63}$";

/** What bounds a value that comes from outside: it may become part of a URL. */
const bounds = {
  pattern: Type.Optional(Pattern("What the whole value must match, in RE2 syntax. Either this or `options`.")),
  options: Type.Optional(
    Type.Array(Type.String({ maxLength: 500 }), {
      minItems: 1,
      maxItems: 200,
      description: "The values that are allowed. Either this or `pattern`.",
    }),
  ),
  required: Type.Optional(Type.Boolean({ description: "Whether connecting fails without it. Default: true." })),
};

const captures = { propertyNames: { pattern: captureName }, maxProperties: 20 } as const;

/** Values kept from an answer; templates call them by `namespace`. */
export const Captures = (place: Place, namespace: string) =>
  Type.Record(
    Type.String(),
    Type.Object(
      { value: Expression(place, "Where the value is."), ...bounds },
      { ...closed, description: "A value that is kept with the connection." },
    ),
    { ...captures, description: `Values that are kept with the connection; templates call them \`${namespace}.<name>\`.` },
  );

/** Values kept from the callback's query. */
export const CallbackCaptures = Type.Record(
  Type.String(),
  Type.Object(
    { param: Type.Optional(Text("The parameter's name. Default: the capture's name.", 100)), ...bounds },
    { ...closed, description: "A parameter of the callback that is kept with the connection." },
  ),
  { ...captures, description: "Parameters that are kept with the connection; templates call them `callback.<name>`." },
);

/** One of several things that only the user can choose, such as a site. */
export const Choose = Type.Object(
  {
    name: Type.String({ pattern: captureName, description: "How templates call the choice: `connection.<name>`." }),
    title: Type.Optional(Text("The question, such as `Which site?`.", 200)),
    items: Expression("connect.capture", "The list to choose from. A list of one item is not asked about."),
    value: Expression("choose.item", "What is kept of an item, whose own keys are in reach."),
    label: Template("choose.item", "What the user sees of an item, whose own keys are in reach."),
    pattern: Pattern("What the whole value must match, in RE2 syntax."),
  },
  { ...closed, description: "The user picks one of several." },
);
