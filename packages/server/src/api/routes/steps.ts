import type { IncomingMessage } from "node:http";
import { type Headers, JackfieldError, type StepPart } from "@jackfield/engine";
import { Type } from "typebox";
import { type Principal, sessionHeader } from "../../access/authenticate.ts";
import { jsonLines, writeJsonLines } from "../../http/json-lines.ts";
import { pass } from "../../http/pass.ts";
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
  anyMethod: true,
  path: "/v1/connections/{id}/proxy/{path}",
  summary:
    "A raw authenticated request, by any method. Path, query and body go to the provider as they are; bodies of any size are streamed, both ways.",
  roles: callers,
  params: Type.Object({
    id: Identifier("The connection's id."),
    path: Type.String({ description: "The rest of the path; may hold slashes." }),
  }),
  headers: workflowHeader,
  body: { kind: "stream", description: "Whatever the provider takes." },
  rest: true,
  sameOrigin: true,
  answers: { 200: { description: "The provider's own answer, whatever its status.", media: "*/*" } },
  async handle({ engine }, { params, headers, body, request, response, signal }, { actor }) {
    refuseUpgrade(request);
    const sent = { method: request.method ?? "GET", ...target(request), headers: forwardedHeaders(request), body };
    const workflow = headers["jackfield-workflow"];
    const answer = await engine.steps.proxy(actor, params.id, sent, { signal, workflow });
    for (const [name, value] of Object.entries(answer.headers)) if (!ownAnswerHeaders.has(name)) response.setHeader(name, value);
    // Somebody else's page must never run as one of ours.
    response.setHeader("Content-Security-Policy", "default-src 'none'; sandbox");
    response.setHeader("Cache-Control", "no-store");
    await pass(answer, request, response);
    return "answered";
  },
});

/** HTTP/2 may be offered in passing, and is passed over (RFC 9110 §7.8); who wants a websocket wants nothing else. */
function refuseUpgrade({ headers }: IncomingMessage): void {
  if (/\bwebsocket\b/i.test(headers.upgrade ?? "")) {
    throw new JackfieldError("upgrade_refused", { detail: "Websockets are not passed on to providers." });
  }
}

/** The path behind `/proxy` and the query, exactly as they came. */
function target(request: IncomingMessage): { readonly path: string; readonly query: string } {
  const url = request.url ?? "";
  const mark = url.indexOf("?");
  const [, path = "/"] = /^\/v1\/connections\/[^/]+\/proxy(\/.*)$/.exec(mark < 0 ? url : url.slice(0, mark)) ?? [];
  return { path, query: mark < 0 ? "" : url.slice(mark + 1) };
}

/** What only this server understands. The engine knows what else is not for the provider. */
const ownRequestHeaders: ReadonlySet<string> = new Set([sessionHeader, "jackfield-workflow"]);

/** All others, each as often as it was sent. */
function forwardedHeaders(request: IncomingMessage): Headers {
  const headers: Record<string, string | string[]> = {};
  for (const [name, values = []] of Object.entries(request.headersDistinct)) {
    if (!ownRequestHeaders.has(name)) headers[name] = values.length === 1 ? (values[0] ?? "") : values;
  }
  return headers;
}

/** What decides how browsers treat this deployment is not the provider's to say. */
const ownAnswerHeaders: ReadonlySet<string> = new Set([
  "set-cookie",
  "set-cookie2",
  "www-authenticate",
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
