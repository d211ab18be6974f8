import { randomUUID } from "node:crypto";
import { Type } from "typebox";
import { refuseOtherSite } from "../../http/origin.ts";
import { requestId } from "../../http/request-id.ts";
import { type Route, route } from "../route.ts";
import { closed, Identifier, Owner, Workflow, workflowHeader } from "../schemas.ts";
import { inputLimit } from "./steps.ts";

const Id = Type.Union([Type.String({ maxLength: 200 }), Type.Integer()]);

const Message = Type.Object(
  {
    jsonrpc: Type.Literal("2.0"),
    id: Type.Optional(Id),
    method: Type.Optional(Type.String({ maxLength: 200 })),
    params: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    result: Type.Optional(Type.Record(Type.String(), Type.Unknown())),
    error: Type.Optional(Type.Object({ code: Type.Integer(), message: Type.String(), data: Type.Optional(Type.Unknown()) })),
  },
  { title: "McpMessage", description: "One message of JSON-RPC 2.0; no batches." },
);

const mcp = route({
  id: "mcp",
  method: "POST",
  path: "/mcp",
  summary: "The Model Context Protocol, streamable HTTP: actions as tools of a language model. Every answer is one of JSON.",
  roles: ["admin", "user", "workflow"],
  query: Type.Object(
    {
      connection: Type.Optional(Identifier("Only this connection; tools are then called as its actions.")),
      owner: Type.Optional(Owner("Only this owner's connections. Without effect for those who see their own only.")),
      connector: Type.Optional(Identifier("Only this connector; also before anything is connected to it.")),
      workflow: Type.Optional(Workflow),
    },
    closed,
  ),
  headers: Type.Object({
    ...workflowHeader.properties,
    "mcp-protocol-version": Type.Optional(Type.String({ maxLength: 40, description: "As it was agreed on." })),
    "mcp-session-id": Type.Optional(
      Type.String({
        maxLength: 200,
        description: "As `initialize` gave it: nothing is kept under it, but by it a call can be cancelled.",
      }),
    ),
  }),
  body: { kind: "json", limit: inputLimit, schema: Message },
  sameOrigin: true,
  answers: {
    200: { description: "The answer to a request.", schema: Message },
    202: { description: "The message was taken; there is nothing to answer." },
  },
  async handle(services, { query, headers, body, signal, request }, principal) {
    // By the specification also of those who bring a key: a page of another site must not reach a server on this machine.
    refuseOtherSite(request, services.platform.url);
    const { workflow = headers["jackfield-workflow"] ?? "MCP", ...scope } = query;
    // The protocol's packages are read by those only who speak it.
    const { exchange, refuseVersion } = await import("../../mcp/exchange.ts");
    refuseVersion(headers["mcp-protocol-version"]);
    const session = headers["mcp-session-id"];
    const answer = await exchange(services, principal, body, { scope, workflow, requestId: requestId(request), session, signal });
    const begun = body.method === "initialize" ? { "Mcp-Session-Id": randomUUID() } : {};
    return answer === undefined
      ? { status: 202 }
      : { status: 200, body: answer, headers: { "Cache-Control": "no-store", ...begun } };
  },
});

export const mcpRoutes: readonly Route[] = [mcp];
