import { openApiDocument } from "./openapi.ts";
import { ok, publicRoute, type Route } from "./route.ts";
import { accessRoutes } from "./routes/access.ts";
import { connectSessionRoutes } from "./routes/connect-sessions.ts";
import { connectionRoutes } from "./routes/connections.ts";
import { connectorRoutes } from "./routes/connectors.ts";
import { eventEndpointRoutes } from "./routes/event-endpoints.ts";
import { eventRoutes } from "./routes/events.ts";
import { fileRoutes } from "./routes/files.ts";
import { platformRoutes } from "./routes/platform.ts";
import { stepRoutes } from "./routes/steps.ts";

const described: readonly Route[] = [
  ...platformRoutes,
  ...accessRoutes,
  ...connectorRoutes,
  ...connectionRoutes,
  ...eventRoutes,
  ...eventEndpointRoutes,
  ...stepRoutes,
  ...fileRoutes,
  ...connectSessionRoutes,
];

const openApi = publicRoute({
  id: "getOpenApi",
  method: "GET",
  path: "/openapi.json",
  summary: "This document.",
  answers: { 200: { description: "OpenAPI 3.1.", media: "application/json" } },
  async handle({ platform, version }) {
    return ok(openApiDocument(routes, { url: platform.url, version }));
  },
});

/** The whole API: what is served, what is checked and what is documented. */
export const routes: readonly Route[] = [openApi, ...described];
