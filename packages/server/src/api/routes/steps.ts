import type { IncomingMessage } from "node:http";
import { JackfieldError } from "@jackfield/engine";
import { Type } from "typebox";
import { withoutHopByHop } from "../../http/hop-by-hop.ts";
import { methods, ok, type Route, route } from "../route.ts";
import { closed, Identifier, OptionsPage, StepResult, Values, Workflow, workflowHeader } from "../schemas.ts";

const callers = ["admin", "user", "workflow"] as const;
const proxyLimit = 1024 * 1024;

const runAction = route({
  id: "runAction",
  method: "POST",
  path: "/v1/connections/{id}/actions/{action}",
  summary: "Runs a step.",
  roles: callers,
  params: Type.Object({ id: Identifier("The connection's id."), action: Identifier("The action's id.") }),
  headers: workflowHeader,
  body: { kind: "json", schema: Type.Object({ input: Type.Optional(Values), workflow: Type.Optional(Workflow) }, closed) },
  answers: { 200: { description: "What the step gave.", schema: StepResult } },
  async handle({ engine }, { params, headers, body, signal }, { actor }) {
    const workflow = body.workflow ?? headers["jackfield-workflow"];
    return ok(await engine.steps.run(actor, params.id, params.action, body.input ?? {}, { signal, workflow }));
  },
});

const listOptions = route({
  id: "listOptions",
  method: "POST",
  path: "/v1/connections/{id}/options/{name}",
  summary: "A drop-down's choices, as the provider has them.",
  roles: callers,
  params: Type.Object({ id: Identifier("The connection's id."), name: Identifier("As an input's `options_from` names it.") }),
  body: {
    kind: "json",
    schema: Type.Object(
      {
        input: Type.Optional(Values),
        cursor: Type.Optional(Type.String({ maxLength: 4000, description: "`next` of the page before." })),
      },
      closed,
    ),
  },
  answers: { 200: { description: "A page of choices.", schema: OptionsPage } },
  async handle({ engine }, { params, body }, { actor }) {
    return ok(await engine.steps.options(actor, params.id, params.name, body));
  },
});

const proxy = route({
  id: "proxy",
  method: methods,
  path: "/v1/connections/{id}/proxy/{path}",
  summary: "A raw authenticated request. Path, query, method and body go to the provider as they are; up to 1 MiB each way.",
  roles: callers,
  params: Type.Object({
    id: Identifier("The connection's id."),
    path: Type.String({ description: "The rest of the path; may hold slashes." }),
  }),
  headers: workflowHeader,
  body: { kind: "raw", limit: proxyLimit, description: "Whatever the provider takes." },
  rest: true,
  sameOrigin: true,
  answers: { 200: { description: "The provider's own answer, whatever its status.", media: "*/*" } },
  async handle({ engine }, { params, headers, body, request, response, signal }, { actor }) {
    const { path, query } = target(request);
    const answer = await engine.steps.proxy(
      actor,
      params.id,
      {
        method: request.method ?? "GET",
        path,
        query,
        headers: forwardedHeaders(request),
        body: body.length === 0 ? undefined : body,
      },
      { signal, workflow: headers["jackfield-workflow"] },
    );
    if (answer.body.length > proxyLimit)
      throw new JackfieldError("provider_answer_too_large", { detail: `The answer is larger than ${proxyLimit} bytes.` });
    for (const [name, value] of Object.entries(withoutHopByHop(answer.headers)))
      if (!ownAnswerHeaders.has(name)) response.setHeader(name, value);
    // Somebody else's page must never run as one of ours.
    response.setHeader("Content-Security-Policy", "default-src 'none'; sandbox");
    response.setHeader("Cache-Control", "no-store");
    const bodiless = request.method === "HEAD" || answer.status === 204 || answer.status === 304;
    if (!bodiless) response.setHeader("Content-Length", answer.body.length);
    response.writeHead(answer.status);
    response.end(bodiless ? undefined : answer.body);
    return "answered";
  },
});

/** The path behind `/proxy` and the query, exactly as they came. */
function target(request: IncomingMessage): { readonly path: string; readonly query: string } {
  const url = request.url ?? "";
  const mark = url.indexOf("?");
  const [, path = "/"] = /^\/v1\/connections\/[^/]+\/proxy(\/.*)$/.exec(mark < 0 ? url : url.slice(0, mark)) ?? [];
  return { path, query: mark < 0 ? "" : url.slice(mark + 1) };
}

/** What belongs between the caller and us: never forwarded. The engine has a list of its own of what goes on. */
const ownRequestHeaders =
  /^(authorization|cookie|host|content-length|origin|referer|forwarded|via|x-real-ip|x-request-id|accept-encoding|(x-forwarded|sec)-.*)$/;

function forwardedHeaders(request: IncomingMessage): Record<string, string> {
  const headers = Object.entries(request.headers).map(([name, value]): [string, string] => [
    name,
    Array.isArray(value) ? value.join(", ") : (value ?? ""),
  ]);
  return Object.fromEntries(
    Object.entries(withoutHopByHop(Object.fromEntries(headers))).filter(([name]) => !ownRequestHeaders.test(name)),
  );
}

/** What decides how browsers treat this deployment is not the provider's to say. */
const ownAnswerHeaders: ReadonlySet<string> = new Set([
  "set-cookie",
  "set-cookie2",
  "www-authenticate",
  "content-length",
  "content-security-policy",
  "content-security-policy-report-only",
  "cache-control",
  "clear-site-data",
  "cross-origin-opener-policy",
  "cross-origin-resource-policy",
  "cross-origin-embedder-policy",
  "referrer-policy",
  "service-worker-allowed",
  "strict-transport-security",
  "x-content-type-options",
  "x-frame-options",
  "x-request-id",
  "access-control-allow-origin",
  "access-control-allow-credentials",
  "refresh",
  "alt-svc",
  "nel",
  "report-to",
]);

export const stepRoutes: readonly Route[] = [runAction, listOptions, proxy];
