import { JackfieldError } from "@jackfield/engine";
import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import {
  CallToolRequestSchema,
  type CallToolResult,
  ErrorCode,
  isJSONRPCRequest,
  type JSONRPCMessage,
  JSONRPCMessageSchema,
  ListToolsRequestSchema,
  type ListToolsResult,
  McpError,
  SUPPORTED_PROTOCOL_VERSIONS,
} from "@modelcontextprotocol/sdk/types.js";
import type { Principal } from "../access/authenticate.ts";
import type { Services } from "../api/route.ts";
import { callTool } from "./call.ts";
import { findTool, listTools, type Scope } from "./tools.ts";

/*
 * One message of the Model Context Protocol and its answer. Nothing is kept between two messages but the calls that are under way, so
 * that any process can answer any message; only what is to be cancelled must reach the process that runs it.
 */

export interface Exchange {
  readonly scope: Scope;
  readonly workflow: string;
  readonly requestId: string;
  /** Tells the requests of one client from another's with the same key. */
  readonly session: string | undefined;
  /** Ends when the client goes away: nobody would get the answer. */
  readonly signal: AbortSignal;
}

const instructions =
  "Each tool is an action of an account that is connected in Jackfield. Where an account must be connected, the result holds a link: give " +
  "it to the person, and call again when they are done.";

/** What cancels the calls under way, by who made them. */
const running = new Map<string, (reason: string) => void>();

const cancelled = "notifications/cancelled";

/** Throws `request_invalid` for a version of the protocol that is not spoken here. */
export function refuseVersion(version: string | undefined): void {
  if (version === undefined || SUPPORTED_PROTOCOL_VERSIONS.includes(version)) return;
  throw new JackfieldError("request_invalid", {
    detail: "header: mcp-protocol-version is not one that is spoken here.",
    hint: `Speak one of ${SUPPORTED_PROTOCOL_VERSIONS.join(", ")}.`,
    members: { in: "header", field: "mcp-protocol-version" },
  });
}

/** The answer to a message; undefined where there is none to give. Throws `request_invalid` for what is no message. */
export async function exchange(
  services: Services,
  principal: Principal,
  message: unknown,
  options: Exchange,
): Promise<JSONRPCMessage | undefined> {
  const { success, data } = JSONRPCMessageSchema.safeParse(message);
  if (!success)
    throw new JackfieldError("request_invalid", { detail: "The body is no message of JSON-RPC 2.0.", members: { in: "body" } });
  const place = (id: unknown) => JSON.stringify([principal.key.id, options.session, id]);
  if ("method" in data && data.method === cancelled && options.session !== undefined)
    running.get(place(data.params?.requestId))?.(String(data.params?.reason ?? ""));
  if (!isJSONRPCRequest(data)) return undefined;
  const server = createServer(services, principal, options);
  const at = place(data.id);
  try {
    return await ask(server, data, { signal: options.signal, begin: (cancel) => running.set(at, cancel) });
  } finally {
    running.delete(at);
    await server.close();
  }
}

/** Hands the server one request, as a transport does. */
async function ask(
  server: Server,
  request: JSONRPCMessage & { readonly id: string | number },
  { signal, begin }: { readonly signal: AbortSignal; readonly begin: (cancel: (reason: string) => void) => void },
): Promise<JSONRPCMessage | undefined> {
  let resolve: (answer: JSONRPCMessage | undefined) => void = () => {};
  const answer = new Promise<JSONRPCMessage | undefined>((settle) => {
    resolve = settle;
  });
  const transport: Transport = {
    start: async () => {},
    close: async () => {},
    send: async (message) => {
      if ("id" in message && !("method" in message)) resolve(message);
    },
  };
  await server.connect(transport);
  const cancel = (reason: string): void => {
    transport.onmessage?.({ jsonrpc: "2.0", method: cancelled, params: { requestId: request.id, reason } });
    // Who has cancelled a request is sent no answer to it.
    resolve(undefined);
  };
  begin(cancel);
  signal.addEventListener("abort", () => cancel("the client went away"), { once: true });
  transport.onmessage?.(request);
  if (signal.aborted) cancel("the client went away");
  return answer;
}

function createServer(services: Services, principal: Principal, { scope, workflow, requestId }: Exchange): Server {
  const server = new Server(
    { name: "jackfield", title: "Jackfield", version: services.version },
    { capabilities: { tools: {} }, instructions },
  );
  server.setRequestHandler(ListToolsRequestSchema, async ({ params }): Promise<ListToolsResult> => {
    const { tools, next } = await listTools(services, principal, scope, params?.cursor).catch(asProtocolError);
    return { tools: tools as ListToolsResult["tools"], ...(next === undefined ? {} : { nextCursor: next }) };
  });
  server.setRequestHandler(CallToolRequestSchema, async ({ params }, { signal }): Promise<CallToolResult> => {
    const choice = await findTool(services, principal, scope, params.name).catch(asProtocolError);
    if (choice === undefined) throw new McpError(ErrorCode.InvalidParams, `There is no tool "${params.name}".`);
    const options = { signal, workflow, requestId };
    return { ...(await callTool(services, principal, scope, choice, params.arguments ?? {}, options).catch(asProtocolError)) };
  });
  return server;

  function asProtocolError(error: unknown): never {
    if (error instanceof JackfieldError && error.code !== "internal") {
      const { code, hint } = error;
      throw new McpError(ErrorCode.InvalidParams, error.message, { code, hint, request_id: requestId });
    }
    // What it says may quote anything.
    services.log("error", "a tool failed", { request_id: requestId, error });
    throw new McpError(ErrorCode.InternalError, "Something went wrong on our side.", { code: "internal", request_id: requestId });
  }
}
