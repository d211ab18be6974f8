import { once } from "node:events";
import { type Connection, type ConnectionEvent, JackfieldError, type Listed, type Page } from "@jackfield/engine";
import { Type } from "typebox";
import type { Principal } from "../../access/authenticate.ts";
import { ConnectionEvent as Event, EventType } from "../event-schemas.ts";
import { type Call, ok, type Result, type Route, route, type Services } from "../route.ts";
import { closed, Identifier, list, pageQuery } from "../schemas.ts";
import { wants } from "../wants.ts";
import { byId, watchers } from "./connections.ts";
import { byApp } from "./connectors.ts";

const lines = { "application/x-ndjson": "All events that fit, one to a line, whatever the page's limit." } as const;

const listConnectionEvents = route({
  id: "listConnectionEvents",
  method: "GET",
  path: "/v1/connections/{id}/events",
  summary: "A connection's log, the newest first; with `Accept: text/event-stream`, live.",
  roles: watchers,
  params: byId,
  query: Type.Object({ type: Type.Optional(EventType), ...pageQuery }, closed),
  answers: {
    200: {
      description: "A page of events.",
      schema: list(Event),
      also: {
        ...lines,
        "text/event-stream":
          "First `connection` with the connection, then `change` with `{event, connection}` for each further event.",
      },
    },
  },
  async handle(services, call, principal) {
    if (wants(call.request.headers.accept, "text/event-stream")) return await stream(services, call, principal);
    const { type, ...page } = call.query;
    const { actor } = principal;
    return await answer(call, principal, page, (asked) =>
      services.engine.connections.events(actor, call.params.id, asked, { type }),
    );
  },
});

const listAppEvents = route({
  id: "listAppEvents",
  method: "GET",
  path: "/v1/connectors/{name}/apps/{auth}/{environment}/events",
  summary: "What happened to the app, the newest first.",
  roles: ["admin"],
  params: byApp,
  query: Type.Object({ type: Type.Optional(EventType), ...pageQuery }, closed),
  answers: { 200: { description: "A page of events.", schema: list(Event), also: lines } },
  async handle({ engine }, call, principal) {
    const { type, ...page } = call.query;
    const { name, auth, environment } = call.params;
    return await answer(call, principal, page, (asked) =>
      engine.apps.events(principal.actor, name, auth, environment, asked, { type }),
    );
  },
});

const listEvents = route({
  id: "listEvents",
  method: "GET",
  path: "/v1/events",
  summary: "The workspace's log, the newest first.",
  roles: ["admin"],
  query: Type.Object(
    {
      type: Type.Optional(EventType),
      connector: Type.Optional(Identifier("Only of this connector.")),
      connection: Type.Optional(Identifier("Only of this connection.")),
      owner: Type.Optional(Identifier("Only of this owner's connections.")),
      from: Type.Optional(Identifier("The first moment that counts, ISO 8601.")),
      to: Type.Optional(Identifier("The first moment that does not, ISO 8601.")),
      ...pageQuery,
    },
    closed,
  ),
  answers: { 200: { description: "A page of events.", schema: list(Event), also: lines } },
  async handle({ engine }, call, principal) {
    const { limit, cursor, from, to, ...rest } = call.query;
    const filter = { ...rest, from: moment("from", from), to: moment("to", to) };
    return await answer(call, principal, { limit, cursor }, (asked) => engine.events.list(principal.actor, filter, asked));
  },
});

/** A time as events have it. Throws `request_invalid`. */
function moment(field: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const time = new Date(text);
  if (!Number.isNaN(time.getTime())) return time.toISOString();
  throw new JackfieldError("request_invalid", {
    detail: `query: ${field} is no time in ISO 8601.`,
    members: { in: "query", field },
  });
}

type Read = (page: Page) => Promise<Listed<ConnectionEvent>>;

/** One page, or all of them as lines. */
async function answer(
  call: Pick<Call<unknown, unknown, unknown>, "request" | "response" | "signal">,
  principal: Principal,
  { limit = 50, cursor }: { readonly limit?: number | undefined; readonly cursor?: string | undefined },
  read: Read,
): Promise<Result> {
  if (!wants(call.request.headers.accept, "application/x-ndjson")) return ok(await read({ limit, after: cursor }));
  return writeLines(call, principal, cursor, read);
}

const linesAtOnce = 500;

/** Page after page, each read only when the one before it has left, so that no export fills the memory. */
async function writeLines(
  { response, signal }: Pick<Call<unknown, unknown, unknown>, "response" | "signal">,
  { admitted }: Principal,
  cursor: string | undefined,
  read: Read,
): Promise<Result> {
  let page = await read({ limit: linesAtOnce, after: cursor });
  response.writeHead(200, { "Content-Type": "application/x-ndjson", "X-Accel-Buffering": "no" });
  try {
    for (;;) {
      const text = page.items.map((event) => `${JSON.stringify(event)}\n`).join("");
      if (!response.write(text)) await once(response, "drain", { signal });
      if (page.next === null || signal.aborted) break;
      if (!(await admitted())) throw new JackfieldError("unauthenticated");
      page = await read({ limit: linesAtOnce, after: page.next });
    }
    response.end();
  } catch (error) {
    // An export that ends early must not look whole.
    response.destroy();
    if (!signal.aborted) throw error;
  }
  return "answered";
}

/** Watching begins before the connection is read, so that nothing falls between the two. */
async function stream(
  { engine, streams }: Services,
  call: Pick<Call<{ id: string }, unknown, unknown>, "params" | "response">,
  { actor, admitted }: Principal,
): Promise<Result> {
  const early: [ConnectionEvent, Connection][] = [];
  let send = (event: ConnectionEvent, connection: Connection) => void early.push([event, connection]);
  const stop = await engine.connections.watch(actor, call.params.id, (event, connection) => send(event, connection));
  try {
    const current = await engine.connections.get(actor, call.params.id);
    const open = await streams.open(call.response, admitted);
    open.onClose(stop);
    open.send("connection", current);
    send = (event, connection) => {
      open.send("change", { event, connection }, event.id);
      // Nothing can follow: the connection is erased.
      if (event.type === "revoked") open.close();
    };
    for (const [event, connection] of early) send(event, connection);
    return "answered";
  } catch (error) {
    stop();
    throw error;
  }
}

export const eventRoutes: readonly Route[] = [listConnectionEvents, listAppEvents, listEvents];
