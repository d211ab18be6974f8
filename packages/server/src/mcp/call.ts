import { type Connection, JackfieldError } from "@jackfield/engine";
import type { Principal } from "../access/authenticate.ts";
import type { Services } from "../api/route.ts";
import { makeConnectSession, makers } from "../api/routes/connect-sessions.ts";
import { problemDocument } from "../http/problem.ts";
import { type Choice, connectionInput, type Scope } from "./tools.ts";

/** As MCP gives the result of a call. */
export interface ToolResult {
  readonly content: { readonly type: "text"; readonly text: string }[];
  readonly structuredContent: Record<string, unknown>;
  readonly isError?: boolean;
}

interface CallOptions {
  readonly signal: AbortSignal;
  readonly workflow: string;
  readonly requestId: string;
}

const shown = (structuredContent: Record<string, unknown>, text: string, isError = false): ToolResult => ({
  content: [{ type: "text", text }],
  structuredContent,
  ...(isError ? { isError } : {}),
});

/**
 * Runs a tool as any other step. What goes wrong is a result that a model can act on: the problem's words, and where only a person can
 * help, a link for that person. Throws what is none of the table's errors.
 */
export async function callTool(
  services: Services,
  principal: Principal,
  scope: Scope,
  choice: Choice,
  given: Readonly<Record<string, unknown>>,
  options: CallOptions,
): Promise<ToolResult> {
  const { [connectionInput]: wanted, ...input } = given;
  let connection: Connection | undefined;
  try {
    connection = await chosen(services, principal, scope, choice, wanted);
    const { output, step } = await services.engine.steps.run(principal.actor, connection.id, choice.action.id, input, {
      ...options,
      // A model could do nothing with the bytes, and hands an id on to another tool.
      files: "reference",
    });
    return shown({ output: output ?? null, step }, typeof output === "string" ? output : JSON.stringify(output ?? null, null, 1));
  } catch (error) {
    if (!(error instanceof JackfieldError) || options.signal.aborted) throw error;
    if (error.code === "internal") services.log("error", "a tool failed", { error: error.cause ?? error });
    return failure(error, await linkFor(services, principal, scope, choice, { connection, error }), options.requestId);
  }
}

/** Throws `connection_unknown` for one out of the scope, `input_invalid` where several are there and none is named. */
async function chosen(
  { engine }: Services,
  { actor }: Principal,
  scope: Scope,
  { connector, connections }: Choice,
  wanted: unknown,
): Promise<Connection> {
  if (wanted !== undefined) {
    const connection = typeof wanted === "string" ? await engine.connections.get(actor, wanted) : undefined;
    const fits = connection?.connector === connector.name && (scope.owner === undefined || connection.owner === scope.owner);
    if (connection === undefined || !fits || (scope.connection !== undefined && scope.connection !== connection.id))
      throw new JackfieldError("connection_unknown", { hint: `Name one of: ${names(connections)}.` });
    return connection;
  }
  const ready = connections.filter(({ status }) => status === "connected");
  const [only, ...others] = ready.length > 0 ? ready : connections;
  if (only === undefined)
    throw new JackfieldError("not_connected", { detail: `There is no connection to ${connector.title} yet.`, hint: connectHint });
  if (others.length === 0) return only;
  throw new JackfieldError("input_invalid", {
    detail: `There are several connections to ${connector.title}.`,
    hint: `Give \`${connectionInput}\`: ${names([only, ...others])}.`,
    members: { input: connectionInput },
  });
}

const connectHint = "A person must connect an account first.";
const names = (connections: readonly Connection[]) =>
  connections.map(({ id, label }) => `${id} (${label ?? "no label"})`).join(", ");

/** What a person's sign-in cures. */
const curable: ReadonlySet<string> = new Set(["not_connected", "needs_reauth", "scope_missing", "credentials_invalid"]);

/** A link with which the owner connects, or connects again. Whose key may make no links is given none. */
async function linkFor(
  services: Services,
  principal: Principal,
  { owner }: Scope,
  { connector }: Choice,
  { connection, error }: { readonly connection: Connection | undefined; readonly error: JackfieldError },
): Promise<string | undefined> {
  const mayMake = (makers as readonly string[]).includes(principal.key.role);
  if (!curable.has(error.code) || !mayMake) return undefined;
  const limits = connection === undefined ? { connectors: [connector.name] } : { connection: connection.id };
  const body = { owner: connection?.owner ?? owner ?? principal.key.owner, ...limits };
  return (await makeConnectSession(services, principal, body)).url;
}

function failure(error: JackfieldError, link: string | undefined, requestId: string): ToolResult {
  const document = problemDocument(error, requestId);
  const { code, detail, hint, provider } = document as typeof document & { readonly provider?: unknown };
  const words = [
    `${code}: ${detail}`,
    provider === undefined ? undefined : `The provider said: ${JSON.stringify(provider)}`,
    hint,
    link === undefined ? undefined : `Ask the person to open this link, which works for half an hour: ${link}`,
  ];
  return shown(
    { ...document, ...(link === undefined ? {} : { connect_url: link }) },
    words.filter((line) => line !== undefined).join("\n"),
    true,
  );
}
