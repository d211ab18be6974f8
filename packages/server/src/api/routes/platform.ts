import { Type } from "typebox";
import { ok, publicRoute, type Route } from "../route.ts";

const Health = Type.Object({ status: Type.Literal("ok") });

const State = Type.Union([Type.Literal("ok"), Type.Literal("down")]);
const ReadinessSchema = Type.Object({
  status: Type.Union([Type.Literal("ok"), Type.Literal("degraded"), Type.Literal("down")]),
  checks: Type.Object({ store: State, queue: State }),
});

const platform = publicRoute({
  id: "getPlatform",
  method: "GET",
  path: "/v1/platform",
  summary: "The public URL, and what this deployment allows.",
  answers: {
    200: {
      description: "This deployment.",
      schema: Type.Object({
        url: Type.String(),
        redirect_uri_template: Type.String({ description: "`{connector}` stands for the connector's name." }),
        sandbox: Type.Boolean({ description: "Whether the demonstration provider runs here." }),
        password_grant: Type.Boolean({ description: "Whether connectors may ask for a person's password here." }),
        version: Type.String(),
      }),
    },
  },
  async handle({ platform: { url, sandbox_url }, engine: { policy }, version }) {
    return ok({
      url,
      redirect_uri_template: `${url}/oauth/callback/{connector}`,
      sandbox: sandbox_url !== undefined,
      password_grant: policy.passwordGrant !== false,
      version,
    });
  },
});

const healthz = publicRoute({
  id: "healthz",
  method: "GET",
  path: "/healthz",
  summary: "Whether the process runs.",
  answers: { 200: { description: "It runs.", schema: Health } },
  async handle() {
    return ok({ status: "ok" });
  },
});

const readyz = publicRoute({
  id: "readyz",
  method: "GET",
  path: "/readyz",
  summary: "Whether the process can do its work, and which of what it needs answers. 503 while it is stopping.",
  answers: {
    200: { description: "It can. `degraded`: the queue is down; what is due waits until it is back.", schema: ReadinessSchema },
    503: { description: "It cannot: the store is down.", schema: ReadinessSchema },
  },
  async handle({ ready }) {
    const body = await ready();
    return { status: body.status === "down" ? 503 : 200, body };
  },
});

const metrics = publicRoute({
  id: "metrics",
  method: "GET",
  path: "/metrics",
  summary: "Numbers for Prometheus. Where METRICS_OPEN is off, the METRICS_TOKEN or an admin's key is needed, as a bearer token.",
  answers: { 200: { description: "Prometheus's text format, version 0.0.4.", media: "text/plain" } },
  async handle({ metrics }, { request, response }) {
    await metrics.admit(request, response);
    const text = await metrics.text();
    response.writeHead(200, { "Content-Type": metrics.contentType, "Cache-Control": "no-store" });
    response.end(text);
    return "answered";
  },
});

export const platformRoutes: readonly Route[] = [platform, healthz, readyz, metrics];
