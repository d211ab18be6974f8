import type { Input } from "@jackfield/client";
import type { Connector } from "@jackfield/manifest";
import { comment, type Schema, typeOf } from "./typescript.ts";

/*
 * TypeScript types of connectors' actions: what `new Jackfield<Connectors>(…)` takes.
 */

/** What an action is asked with, as the API shows it and a manifest says it. */
export type Question = Pick<
  Input,
  "name" | "label" | "help" | "type" | "required" | "list" | "default" | "options" | "min" | "max" | "visible_if"
>;

export interface TypedAction {
  readonly id: string;
  readonly title: string;
  readonly description: string | null;
  readonly input: readonly Question[];
}

export interface TypedConnector {
  readonly name: string;
  readonly title: string;
  readonly actions: readonly TypedAction[];
}

/** A compiled connector, as the API would show it. */
export function typedConnector({ name, title, actions }: Connector): TypedConnector {
  return {
    name,
    title,
    actions: Object.values(actions).map(({ id, title: words, description = null, input }) => ({
      id,
      title: words,
      description,
      input: Object.entries(input).map(([key, question]) => ({
        name: key,
        label: question.label,
        help: question.help ?? null,
        type: question.type,
        required: question.required,
        list: question.list,
        default: question.default ?? null,
        options: typeof question.options === "object" ? [...question.options] : null,
        min: question.min ?? null,
        max: question.max ?? null,
        visible_if: question.visible_if?.source ?? null,
      })),
    })),
  };
}

/** The file of types. Connectors without actions are left out. */
export function connectorTypes(connectors: readonly TypedConnector[]): string {
  const sorted = connectors.filter(({ actions }) => actions.length > 0).sort((a, b) => (a.name < b.name ? -1 : 1));
  const schema = objectOf(sorted.map(({ name, title, actions }) => [name, connectorSchema(title, actions)]));
  return `// Made by \`jackfield client types\`: run it again where a connector has changed.

${comment(["The actions of connectors, for `new Jackfield<Connectors>(…)` of @jackfield/client."])}export type Connectors = ${typeOf(schema, { given: true })};
`;
}

const connectorSchema = (title: string, actions: readonly TypedAction[]): Schema => ({
  ...objectOf(actions.map((action) => [action.id, actionSchema(action)])),
  description: title,
});

const actionSchema = ({ title, description, input }: TypedAction): Schema => ({
  ...objectOf([
    ["input", inputSchema(input)],
    ["output", {}],
  ]),
  description: `${title}.${description === null ? "" : ` ${description}`}`,
});

/** An object that has all of these. */
const objectOf = (properties: readonly (readonly [string, Schema])[]): Schema => ({
  type: "object",
  properties: Object.fromEntries(properties),
  required: properties.map(([name]) => name),
  additionalProperties: false,
});

const text = { type: "string" };

/** What a value is, by the type of its input; one that is not known here can be anything. */
const valueSchemas: Readonly<Record<string, (question: Question) => Schema>> = {
  string: () => text,
  text: () => text,
  url: () => text,
  path: () => text,
  date: () => text,
  number: () => ({ type: "number" }),
  boolean: () => ({ type: "boolean" }),
  object: () => ({ type: "object" }),
  select: ({ options }) => (options === null ? text : { enum: options.map(({ value }) => value) }),
  file: () => ({
    type: "object",
    properties: { name: text, type: text, data: { ...text, description: "Base64." } },
    required: ["data"],
  }),
};

/** What must be given is what is asked, has no default, and is not asked for only now and then. */
function inputSchema(questions: readonly Question[]): Schema {
  const compulsory = questions.filter((each) => each.required && each.default === null && each.visible_if === null);
  return {
    ...objectOf(questions.map((question) => [question.name, { ...inputType(question), description: told(question) }])),
    required: compulsory.map(({ name }) => name),
  };
}

function inputType(question: Question): Schema {
  const schema = Object.hasOwn(valueSchemas, question.type) ? valueSchemas[question.type]?.(question) : undefined;
  return question.list ? { type: "array", items: schema ?? {} } : (schema ?? {});
}

function told({ label, help, type, min, max, default: preset, visible_if }: Question): string {
  return [
    `${label}.`,
    help,
    type === "date" && "A date or a time in ISO 8601.",
    range(min, max, type === "number" ? "" : " characters"),
    preset !== null && `Default: ${JSON.stringify(preset)}.`,
    visible_if !== null && `Taken only while \`${visible_if}\`.`,
  ]
    .filter((part) => typeof part === "string" && part !== "")
    .join(" ");
}

function range(min: number | null, max: number | null, unit: string): string {
  if (min !== null && max !== null) return `From ${min} to ${max}${unit}.`;
  if (min !== null) return `At least ${min}${unit}.`;
  return max === null ? "" : `At most ${max}${unit}.`;
}
