import { Type } from "typebox";
import { Delivery, EventEndpoint, MessageTypes } from "../event-schemas.ts";
import { noContent, ok, type Route, route } from "../route.ts";
import { closed, Identifier, list, nullable, pageQuery, plainLines } from "../schemas.ts";

const admins = ["admin"] as const;
const byId = Type.Object({ id: Identifier("The endpoint's id.") });

const url = Type.String({ minLength: 1, maxLength: 2000, description: "Where messages are sent by POST." });
const changeable = {
  types: Type.Optional(MessageTypes),
  description: Type.Optional(nullable(Type.String({ maxLength: 500, pattern: plainLines }))),
  disabled: Type.Optional(Type.Boolean({ description: "A disabled endpoint is told nothing, then or later." })),
};

const WithSecret = Type.Intersect([
  EventEndpoint,
  Type.Object({
    secret: Type.String({ description: "`whsec_…`: what messages are signed with. It is shown in this answer only." }),
  }),
]);

const createEventEndpoint = route({
  id: "createEventEndpoint",
  method: "POST",
  path: "/v1/event_endpoints",
  summary: "Has events sent to a URL, signed as Standard Webhooks says.",
  roles: admins,
  body: { kind: "json", schema: Type.Object({ url, ...changeable }, closed) },
  answers: { 201: { description: "The endpoint and its secret.", schema: WithSecret } },
  async handle({ engine }, { body }, { actor }) {
    const endpoint = await engine.endpoints.create(actor, body);
    return { status: 201, body: endpoint, headers: { Location: `/v1/event_endpoints/${endpoint.id}` } };
  },
});

const listEventEndpoints = route({
  id: "listEventEndpoints",
  method: "GET",
  path: "/v1/event_endpoints",
  summary: "The workspace's event endpoints, the oldest first.",
  roles: admins,
  answers: { 200: { description: "All of them.", schema: list(EventEndpoint) } },
  async handle({ engine }, _call, { actor }) {
    return ok({ items: await engine.endpoints.list(actor), next: null });
  },
});

const getEventEndpoint = route({
  id: "getEventEndpoint",
  method: "GET",
  path: "/v1/event_endpoints/{id}",
  summary: "One event endpoint.",
  roles: admins,
  params: byId,
  answers: { 200: { description: "The endpoint.", schema: EventEndpoint } },
  async handle({ engine }, { params }, { actor }) {
    return ok(await engine.endpoints.get(actor, params.id));
  },
});

const updateEventEndpoint = route({
  id: "updateEventEndpoint",
  method: "PATCH",
  path: "/v1/event_endpoints/{id}",
  summary: "Changes an event endpoint, or disables and enables it.",
  roles: admins,
  params: byId,
  body: { kind: "json", schema: Type.Object({ url: Type.Optional(url), ...changeable }, closed) },
  answers: { 200: { description: "The endpoint.", schema: EventEndpoint } },
  async handle({ engine }, { params, body }, { actor }) {
    return ok(await engine.endpoints.update(actor, params.id, body));
  },
});

const deleteEventEndpoint = route({
  id: "deleteEventEndpoint",
  method: "DELETE",
  path: "/v1/event_endpoints/{id}",
  summary: "Removes an event endpoint, with what was still to be sent to it.",
  roles: admins,
  params: byId,
  answers: { 204: { description: "It is told nothing any more." } },
  async handle({ engine }, { params }, { actor }) {
    await engine.endpoints.delete(actor, params.id);
    return noContent;
  },
});

const rotateEventEndpoint = route({
  id: "rotateEventEndpoint",
  method: "POST",
  path: "/v1/event_endpoints/{id}/rotate",
  summary: "Makes a new secret; for 24 hours messages are signed with the old one too.",
  roles: admins,
  params: byId,
  answers: { 200: { description: "The endpoint and its new secret.", schema: WithSecret } },
  async handle({ engine }, { params }, { actor }) {
    return ok(await engine.endpoints.rotate(actor, params.id));
  },
});

const testEventEndpoint = route({
  id: "testEventEndpoint",
  method: "POST",
  path: "/v1/event_endpoints/{id}/test",
  summary: "Sends a message of type `ping`, once.",
  roles: admins,
  params: byId,
  answers: { 200: { description: "What came of it.", schema: Delivery } },
  async handle({ engine }, { params }, { actor }) {
    return ok(await engine.endpoints.ping(actor, params.id));
  },
});

const listDeliveries = route({
  id: "listDeliveries",
  method: "GET",
  path: "/v1/event_endpoints/{id}/deliveries",
  summary: "What was and is to be sent to an event endpoint, the newest first.",
  roles: admins,
  params: byId,
  query: Type.Object(pageQuery, closed),
  answers: { 200: { description: "A page of deliveries.", schema: list(Delivery) } },
  async handle({ engine }, { params, query: { limit = 50, cursor } }, { actor }) {
    return ok(await engine.endpoints.deliveries(actor, params.id, { limit, after: cursor }));
  },
});

export const eventEndpointRoutes: readonly Route[] = [
  createEventEndpoint,
  listEventEndpoints,
  getEventEndpoint,
  updateEventEndpoint,
  deleteEventEndpoint,
  rotateEventEndpoint,
  testEventEndpoint,
  listDeliveries,
];
