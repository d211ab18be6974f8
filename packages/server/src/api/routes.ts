import { Type } from "typebox";
import { connectorDocument, openApiDocument } from "./openapi.ts";
import { ok, publicRoute, type Route, route } from "./route.ts";
import { accessRoutes } from "./routes/access.ts";
import { connectSessionRoutes } from "./routes/connect-sessions.ts";
import { connectionRoutes, readers } from "./routes/connections.ts";
import { byName, connectorOf, connectorRoutes } from "./routes/connectors.ts";
import { eventEndpointRoutes } from "./routes/event-endpoints.ts";
import { eventRoutes } from "./routes/events.ts";
import { fileRoutes } from "./routes/files.ts";
import { mcpRoutes } from "./routes/mcp.ts";
import { platformRoutes } from "./routes/platform.ts";
import { stepRoutes } from "./routes/steps.ts";

const Document = Type.Object(
  { openapi: Type.String(), info: Type.Object({}), paths: Type.Object({}), components: Type.Object({}) },
  { title: "OpenApiDocument", description: "As the OpenAPI Specification 3.1 says." },
);

const described: readonly Route[] = [
  ...platformRoutes,
  ...accessRoutes,
  ...connectorRoutes,
  ...connectionRoutes,
  ...eventRoutes,
  ...eventEndpointRoutes,
  ...stepRoutes,
  ...fileRoutes,
  ...mcpRoutes,
  ...connectSessionRoutes,
];

/** A connector that is replaced is another object, so that what is known of one never grows old. */
const documents = new WeakMap<object, unknown>();

function documentOf(key: object, make: () => unknown): unknown {
  const known = documents.get(key) ?? make();
  documents.set(key, known);
  return known;
}

const openApi = publicRoute({
  id: "getOpenApi",
  method: "GET",
  path: "/openapi.json",
  summary: "This document.",
  answers: { 200: { description: "OpenAPI 3.1.", schema: Document } },
  async handle({ platform, version }) {
    return ok(documentOf(platform, () => openApiDocument(routes, { url: platform.url, version })));
  },
});

const connectorOpenApi = route({
  id: "getConnectorOpenApi",
  method: "GET",
  path: "/v1/connectors/{name}/openapi.json",
  summary: "A connector's actions as typed operations: what a client is generated from.",
  roles: readers,
  params: byName,
  answers: { 200: { description: "OpenAPI 3.1.", schema: Document } },
  async handle(services, { params }) {
    const { platform, version } = services;
    const connector = await connectorOf(services, params.name);
    return ok(documentOf(connector, () => connectorDocument(connector, stepRoutes, { url: platform.url, version })));
  },
});

/** The whole API: what is served, what is checked and what is documented. */
export const routes: readonly Route[] = [openApi, connectorOpenApi, ...described];
