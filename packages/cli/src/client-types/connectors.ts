import type { Action as ShownAction } from "@jackfield/client";
import { type Connector, type Inputs, inputSchema } from "@jackfield/manifest";
import { comment, type Schema, typeOf } from "./typescript.ts";

/*
 * TypeScript types of connectors' actions: what `new Jackfield<Connectors>(…)` takes.
 */

export interface TypedAction {
  readonly id: string;
  readonly title: string;
  readonly description: string | null;
  readonly input: Schema;
  /** `{}`: nothing is known of it. */
  readonly output: Schema;
}

export interface TypedConnector {
  readonly name: string;
  readonly title: string;
  readonly actions: readonly TypedAction[];
}

/** A compiled connector; `outputs` are the schemas of what its actions give, as far as they are known. */
export function typedConnector(
  { name, title, actions }: Connector,
  outputs: ReadonlyMap<string, Schema> = new Map(),
): TypedConnector {
  return {
    name,
    title,
    actions: Object.values(actions).map((action) => ({
      id: action.id,
      title: action.title,
      description: action.description ?? null,
      input: { ...inputSchema(action.input) },
      output: outputs.get(action.id) ?? {},
    })),
  };
}

/** A connector as the API shows it. */
export function shownConnector(connector: {
  readonly name: string;
  readonly title: string;
  readonly actions: readonly ShownAction[];
}): TypedConnector {
  const actions = connector.actions.map(({ id, title, description, input }) => ({
    id,
    title,
    description,
    input: { ...inputSchema(Object.fromEntries(input.map((each) => [each.name, asWritten(each)]))) },
    output: {},
  }));
  return { name: connector.name, title: connector.title, actions };
}

/** An input as a manifest has it: what it leaves out is null in the API. */
function asWritten({ options, options_from, visible_if, ...rest }: ShownAction["input"][number]): Inputs[string] {
  const said = Object.entries({
    ...rest,
    options: options ?? options_from,
    visible_if: visible_if === null ? null : { source: visible_if },
  });
  return Object.fromEntries(said.filter(([, value]) => value !== null)) as Inputs[string];
}

/** The file of types. Connectors without actions are left out. */
export function connectorTypes(connectors: readonly TypedConnector[]): string {
  const sorted = connectors.filter(({ actions }) => actions.length > 0).sort((a, b) => (a.name < b.name ? -1 : 1));
  const schema = objectOf(sorted.map(({ name, title, actions }) => [name, connectorSchema(title, actions)]));
  return `// Made by \`jackfield client types\`: run it again where a connector has changed.

${comment(["The actions of connectors, for `new Jackfield<Connectors>(…)` of @jackfield/client."])}export type Connectors = ${typeOf(schema, { given: true, words })};
`;
}

const connectorSchema = (title: string, actions: readonly TypedAction[]): Schema => ({
  ...objectOf(actions.map((action) => [action.id, actionSchema(action)])),
  title,
});

const actionSchema = ({ title, description, input, output }: TypedAction): Schema => ({
  ...objectOf([
    ["input", input],
    ["output", output],
  ]),
  title,
  description,
});

/** An object that has all of these. */
const objectOf = (properties: readonly (readonly [string, Schema])[]): Schema => ({
  type: "object",
  properties: Object.fromEntries(properties),
  required: properties.map(([name]) => name),
  additionalProperties: false,
});

/** What the editor shows: what a form does, and what the type itself does not say. */
function words(schema: Schema): readonly unknown[] {
  const { title, description, type, minLength, maxLength, minimum = minLength, maximum = maxLength, default: preset } = schema;
  return [
    typeof title === "string" && (/[.?!]$/.test(title) ? title : `${title}.`),
    description,
    range(minimum, maximum, type === "string" ? " characters" : ""),
    preset !== undefined && `Default: ${JSON.stringify(preset)}.`,
  ];
}

function range(least: unknown, most: unknown, unit: string): string {
  if (least !== undefined && most !== undefined) return `From ${least} to ${most}${unit}.`;
  if (least !== undefined) return `At least ${least}${unit}.`;
  return most === undefined ? "" : `At most ${most}${unit}.`;
}
