import type { Connection, ConnectionEvent } from "@jackfield/engine";
import { Type } from "typebox";
import type { Principal } from "../../access/authenticate.ts";
import { type Call, ok, type Result, type Route, route, type Services } from "../route.ts";
import { closed, ConnectionEvent as Event, list, pageQuery } from "../schemas.ts";
import { wantsStream } from "../wants-stream.ts";
import { byId, watchers } from "./connections.ts";

const listEvents = route({
  id: "listConnectionEvents",
  method: "GET",
  path: "/v1/connections/{id}/events",
  summary: "A connection's log, the newest first; with `Accept: text/event-stream`, live.",
  roles: watchers,
  params: byId,
  query: Type.Object(pageQuery, closed),
  answers: {
    200: {
      description: "A page of events.",
      schema: list(Event),
      also: {
        "text/event-stream":
          "First `connection` with the connection, then `change` with `{event, connection}` for each further event.",
      },
    },
  },
  async handle(services, call, principal) {
    if (wantsStream(call.request.headers.accept)) return await stream(services, call, principal);
    const { limit = 50, cursor } = call.query;
    return ok(await services.engine.connections.events(principal.actor, call.params.id, { limit, after: cursor }));
  },
});

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
    const open = streams.open(call.response, admitted);
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

export const eventRoutes: readonly Route[] = [listEvents];
