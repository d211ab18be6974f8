import { messageTypes, outgoingTypes } from "@jackfield/engine";
import { Type } from "typebox";
import { nullable, oneOf, time } from "./schemas.ts";

export const ConnectionEvent = Type.Object(
  {
    id: Type.String(),
    connection: Type.Union([Type.String(), Type.Null()], { description: "Null for what belongs to no connection." }),
    workspace: Type.String(),
    connector: Type.Optional(Type.String()),
    owner: Type.Optional(Type.String()),
    at: time,
    type: Type.String(),
    actor: Type.String({
      description: "`key/<id>` for an API key or a browser that signed in with one, `system`, or `nobody`.",
    }),
    action: Type.Optional(Type.String()),
    host: Type.Optional(Type.String()),
    status: Type.Optional(Type.Integer()),
    duration_ms: Type.Optional(Type.Number()),
    code: Type.Optional(Type.String()),
    workflow: Type.Optional(Type.String({ description: "As the step named it." })),
    mode: Type.Optional(Type.Literal("test", { description: "A step that somebody only tried." })),
    endpoint: Type.Optional(Type.String({ description: "The event endpoint that it is about." })),
    app: Type.Optional(
      Type.Object(
        {
          auth: Type.String(),
          environment: Type.String(),
          client_id: Type.String(),
          paused_until: Type.Optional(Type.String({ description: "Of `app.refused`: when a connection tries again first." })),
          expires_on: Type.Optional(Type.String({ description: "Of `app.expiring` and `app.expired`: when the secret ends." })),
        },
        { description: "The app of `connector` that it is about." },
      ),
    ),
  },
  {
    title: "ConnectionEvent",
    description: "One line of the workspace's log, and of a connection's or an app's. No bodies, no secrets.",
  },
);

export const EventType = oneOf(Object.keys(outgoingTypes), "Only events of this type.");

export const Usage = Type.Object(
  {
    connection: Type.String(),
    workflow: Type.String(),
    last_used_at: time,
    count: Type.Integer({ description: "How many steps." }),
  },
  { title: "Usage", description: "How a workflow that named itself has used a connection." },
);

export const EventEndpoint = Type.Object(
  {
    id: Type.String(),
    url: Type.String(),
    description: nullable(Type.String()),
    types: Type.Array(Type.String(), { description: "What it is told of; none: everything." }),
    disabled: Type.Boolean(),
    disabled_reason: nullable(
      oneOf(["admin", "gone", "failing"], "`gone`: it answered 410; `failing`: it took nothing for days."),
    ),
    last_success_at: nullable(time),
    created_at: time,
    updated_at: time,
  },
  { title: "EventEndpoint", description: "Where an embedding application hears of events." },
);

export const Delivery = Type.Object(
  {
    id: Type.String(),
    event: Type.String({ description: "The event's id, sent as `webhook-id`." }),
    type: Type.String(),
    status: oneOf(["pending", "delivered", "failed", "cancelled"], "`cancelled`: its endpoint was disabled before."),
    attempts: Type.Integer(),
    http_status: Type.Union([Type.Integer(), Type.Null()], { description: "Of the last attempt; null: there was no answer." }),
    error: Type.Union([Type.String(), Type.Null()], { description: "The code of why there was none." }),
    duration_ms: nullable(Type.Number()),
    next_at: Type.Union([Type.String(), Type.Null()], { description: "When it is tried again." }),
    created_at: time,
    updated_at: time,
  },
  { title: "Delivery", description: "One event on its way to one event endpoint." },
);

/** What an endpoint may ask to be told of. */
export const MessageTypes = Type.Array(oneOf(messageTypes, "A type of message."), {
  uniqueItems: true,
  description: "What it is told of. Default: everything.",
});
