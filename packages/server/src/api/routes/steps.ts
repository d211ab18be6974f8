import type { IncomingMessage } from "node:http";
import { JackfieldError, type StepPart } from "@jackfield/engine";
import { Type } from "typebox";
import type { Principal } from "../../access/authenticate.ts";
import { withoutHopByHop } from "../../http/hop-by-hop.ts";
import { jsonLines, writeJsonLines } from "../../http/json-lines.ts";
import { methods, ok, type Route, route } from "../route.ts";
import {
  closed,
  Identifier,
  OptionsPage,
  StepResult,
  stepHeaders,
  stepLineMedia,
  Values,
  Workflow,
  workflowHeader,
} from "../schemas.ts";
import { wants } from "../wants.ts";

const callers = ["admin", "user", "workflow"] as const;
const proxyLimit = 1024 * 1024;
/** A file of 10 MiB in base64, and what else is said of it. */
export const inputLimit = 15 * 1024 * 1024;

const runAction = route({
  id: "runAction",
  method: "POST",
  path: "/v1/connections/{id}/actions/{action}",
  summary: "Runs a step.",
  roles: callers,
  params: Type.Object({ id: Identifier("The connection's id."), action: Identifier("The action's id.") }),
  headers: stepHeaders,
  body: {
    kind: "json",
    limit: inputLimit,
    schema: Type.Object(
      {
        input: Type.Optional(Values),
        workflow: Type.Optional(Workflow),
        files: Type.Optional(
          Type.Literal("reference", {
            description:
              "An answer that is no text is kept as a file, up to 25 MiB, and given as `{ name, type, size, file }` with its id.",
          }),
        ),
        mode: Type.Optional(
          Type.Literal("test", {
            description: "Somebody tries it: marked in the log, counted as no use, one page at the most, the output shortened.",
          }),
        ),
      },
      closed,
    ),
  },
  answers: { 200: { description: "What the step gave.", schema: StepResult, also: stepLineMedia } },
  async handle({ engine }, call, principal) {
    const { params, headers, body, signal } = call;
    const options = {
      signal,
      workflow: body.workflow ?? headers["jackfield-workflow"],
      ...timeoutIn(headers),
    };
    const media = jsonLines.find((each) => wants(call.request.headers.accept, each));
    if (media !== undefined) {
      refuseWithLines({ mode: body.mode, files: body.files, "Idempotency-Key": headers["idempotency-key"] });
      const parts = engine.steps.stream(principal.actor, params.id, params.action, body.input ?? {}, options);
      await writeJsonLines({ ...call, media }, linesOf(parts, principal));
      return "answered";
    }
    const { replayed, ...result } = await engine.steps.run(principal.actor, params.id, params.action, body.input ?? {}, {
      ...options,
      mode: body.mode,
      files: body.files,
      idempotencyKey: headers["idempotency-key"],
    });
    return replayed ? { ...ok(result), headers: { "Idempotent-Replayed": "true" } } : ok(result);
  },
});

/** Given in seconds; the check has made a number of it. */
function timeoutIn(headers: Readonly<Record<string, string | undefined>>): { readonly timeout?: number } {
  const seconds = headers["request-timeout"];
  return seconds === undefined ? {} : { timeout: Number(seconds) * 1000 };
}

/** Throws `request_invalid` for what lines cannot go with: nothing of them is kept. */
function refuseWithLines(given: Readonly<Record<string, string | undefined>>): void {
  const [name] = Object.entries(given).find(([, value]) => value !== undefined) ?? [];
  if (name === undefined) return;
  throw new JackfieldError("request_invalid", {
    detail: `${name} does not go with JSON lines.`,
    hint: "Leave it out, or ask for one answer with `Accept: application/json`.",
  });
}

/** Throws `unauthenticated` once whoever reads may no longer. */
async function* linesOf(
  parts: AsyncGenerator<StepPart, void, undefined>,
  { admitted }: Principal,
): AsyncGenerator<readonly unknown[], void, undefined> {
  for await (const part of parts) {
    if (!(await admitted())) throw new JackfieldError("unauthenticated");
    yield "items" in part ? part.items.map((item) => ({ item })) : [part];
  }
}

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
