import { createHash } from "node:crypto";
import { type Connection, JackfieldError } from "@jackfield/engine";
import { type Action, type Connector, type InputSchema, inputSchema } from "@jackfield/manifest";
import type { Principal } from "../access/authenticate.ts";
import type { Services } from "../api/route.ts";
import { decodeCursor, encodeCursor } from "../store/cursor.ts";

/*
 * Actions as a language model's tools. A tool is an action of a connector, whatever number of connections there are to it: where there are
 * several it asks which, so that the list stays as short as the work is varied.
 */

/** What a client is let see of what its key reaches. */
export interface Scope {
  readonly connection?: string | undefined;
  readonly owner?: string | undefined;
  readonly connector?: string | undefined;
}

/** As MCP describes a tool. */
export interface Tool {
  readonly name: string;
  readonly title: string;
  readonly description: string;
  readonly inputSchema: InputSchema & { readonly type: "object" };
  readonly annotations: {
    readonly title: string;
    readonly readOnlyHint: boolean;
    readonly destructiveHint?: boolean;
    readonly idempotentHint?: boolean;
    readonly openWorldHint: true;
  };
}

/** An action, and the connections in scope that it can be run with. */
export interface Choice {
  readonly connector: Connector;
  readonly action: Action;
  readonly connections: readonly Connection[];
}

/** No input is called so: their names begin with a letter. */
export const connectionInput = "_connection";

const pageSize = 100;
/** More are not offered one by one; their ids are taken all the same. */
const mostOffered = 20;

/** Some clients of models take no longer names. */
const longestName = 64;

/** With one connection an action's own id; else the connector's name goes before it. Another action never has the same. */
export function toolName(connector: Connector, action: Action, { connection }: Scope): string {
  if (connection !== undefined) return action.id;
  const name = `${connector.name}__${action.id}`;
  if (name.length <= longestName) return name;
  return `${name.slice(0, longestName - 9)}_${createHash("sha256").update(name).digest("hex").slice(0, 8)}`;
}

/** A page of the tools, and the cursor of the next. Throws `request_invalid`, `connection_unknown`, `connector_unknown`. */
export async function listTools(
  services: Services,
  principal: Principal,
  scope: Scope,
  cursor: string | undefined,
): Promise<{ readonly tools: readonly Tool[]; readonly next: string | undefined }> {
  const [afterName, afterAction] = cursor === undefined ? ["", ""] : decodeCursor(cursor);
  const tools: Tool[] = [];
  let last: Choice | undefined;
  for (const connector of await connectorsIn(services, principal, scope)) {
    if (connector.name < afterName) continue;
    for (const choice of await choicesOf(services, principal, scope, connector)) {
      if (connector.name === afterName && choice.action.id <= afterAction) continue;
      if (tools.length === pageSize && last !== undefined)
        return { tools, next: encodeCursor([last.connector.name, last.action.id]) };
      tools.push(toolOf(choice, scope));
      last = choice;
    }
  }
  return { tools, next: undefined };
}

/** What a tool's name stands for; undefined where there is no such tool. Throws as `listTools`. */
export async function findTool(
  services: Services,
  principal: Principal,
  scope: Scope,
  name: string,
): Promise<Choice | undefined> {
  for (const connector of await connectorsIn(services, principal, scope)) {
    if (!Object.values(connector.actions).some((action) => toolName(connector, action, scope) === name)) continue;
    const choices = await choicesOf(services, principal, scope, connector);
    return choices.find(({ action }) => toolName(connector, action, scope) === name);
  }
  return undefined;
}

/** By name, as pages follow each other. */
async function connectorsIn({ engine, catalog }: Services, { actor }: Principal, scope: Scope): Promise<readonly Connector[]> {
  const named =
    scope.connection === undefined ? scope.connector : (await engine.connections.get(actor, scope.connection)).connector;
  if (named === undefined) return catalog.list();
  await catalog.learn({ connector: named });
  const connector = catalog.get(named);
  if (connector === undefined) throw new JackfieldError("connector_unknown", { detail: `There is no connector "${named}".` });
  return [connector];
}

/** The connector's actions that are of use in the scope: to one that is named also a first connection can be made. */
async function choicesOf(
  services: Services,
  principal: Principal,
  scope: Scope,
  connector: Connector,
): Promise<readonly Choice[]> {
  const known = await connectionsIn(services, principal, scope, connector);
  if (known.length === 0 && scope.connector === undefined) return [];
  return Object.values(connector.actions)
    .map((action) => ({
      connector,
      action,
      connections: known.filter(({ auth }) => action.auth?.includes(auth) ?? true),
    }))
    .filter(({ connections }) => connections.length > 0 || known.length === 0)
    .sort((a, b) => (a.action.id < b.action.id ? -1 : 1));
}

async function connectionsIn(
  { engine }: Services,
  { actor }: Principal,
  { connection, owner }: Scope,
  { name }: Connector,
): Promise<readonly Connection[]> {
  if (connection !== undefined) return [await engine.connections.get(actor, connection)];
  const { items } = await engine.connections.list(
    actor,
    { connector: name, owner },
    { limit: mostOffered + 1, after: undefined },
  );
  return items.filter(({ status }) => status !== "revoked");
}

/** A GET changes nothing, as RFC 9110 §9.2 says of methods; what a manifest decides only when it runs is not known. */
function annotationsOf({ title, request: { method } }: Action): Tool["annotations"] {
  const readOnlyHint = method === "GET" || method === "HEAD";
  return {
    title,
    readOnlyHint,
    ...(method === "DELETE" ? { destructiveHint: true } : {}),
    ...(readOnlyHint || method === "PUT" || method === "DELETE" ? { idempotentHint: true } : {}),
    openWorldHint: true,
  };
}

function toolOf({ connector, action, connections }: Choice, scope: Scope): Tool {
  const title = `${connector.title}: ${action.title}`;
  return {
    name: toolName(connector, action, scope),
    title,
    description: [action.description ?? `${action.title}.`, accountWords(connections)].join(" "),
    inputSchema: withConnection(inputSchema(action.input), connections),
    annotations: { ...annotationsOf(action), title },
  };
}

const labelOf = ({ label, id, status }: Connection) => `${label ?? id}${status === "connected" ? "" : ` (${status})`}`;

function accountWords(connections: readonly Connection[]): string {
  const [first] = connections;
  if (first === undefined) return "Nothing is connected yet: the answer will be a link to connect.";
  return connections.length === 1 ? `Account: ${labelOf(first)}.` : "There are several accounts to choose from.";
}

/** One account need not be named. */
function withConnection(schema: InputSchema, connections: readonly Connection[]): Tool["inputSchema"] {
  const object = { ...schema, type: "object" } as const;
  if (connections.length < 2) return object;
  const offered = connections.slice(0, mostOffered);
  const more = connections.length > mostOffered ? " There are more." : "";
  const words = `The account to use. ${offered.map((each) => `${each.id}: ${labelOf(each)}`).join("; ")}.${more}`;
  const choice: InputSchema = {
    type: "string",
    description: words,
    ...(more === "" ? { enum: offered.map(({ id }) => id) } : {}),
  };
  return {
    ...object,
    properties: { [connectionInput]: choice, ...schema.properties },
    required: [connectionInput, ...(schema.required ?? [])],
  };
}
