import { JackfieldError } from "@jackfield/engine";
import { Type } from "typebox";
import { Usage } from "../event-schemas.ts";
import { noContent, ok, type Route, route } from "../route.ts";
import {
  Authorization,
  Connection,
  closed,
  Identifier,
  list,
  nullable,
  Owner,
  pageQuery,
  plainLine,
  plainLines,
  Status,
  TestResult,
  Unrevoked,
  Values,
} from "../schemas.ts";

export const byId = Type.Object({ id: Identifier("The connection's id.") });

/**
 * Who may look at connections, who may connect, and who may do the rest with them. What each reaches is the engine's to decide
 * (`Actor.all`, `Actor.limits`).
 */
export const readers = ["admin", "author", "user", "workflow"] as const;
export const watchers = [...readers, "connect_session"] as const;
const connecters = ["admin", "user", "connect_session"] as const;
const owners = ["admin", "user"] as const;

const named = {
  name: Type.Optional(nullable(Type.String({ minLength: 1, maxLength: 120, pattern: plainLine }))),
  description: Type.Optional(nullable(Type.String({ maxLength: 500, pattern: plainLines }))),
};

const createConnection = route({
  id: "createConnection",
  method: "POST",
  path: "/v1/connections",
  summary: "Makes a draft; a grant without a user step connects at once.",
  roles: connecters,
  body: {
    kind: "json",
    schema: Type.Object(
      {
        connector: Identifier("The connector's name."),
        auth: Type.Optional(Identifier("Default: the recommended one.")),
        environment: Type.Optional(Identifier("Default: the first one.")),
        fields: Type.Optional(Values),
        ...named,
        owner: Type.Optional(Owner("Whose connection it is. Admins only.")),
      },
      closed,
    ),
  },
  answers: {
    201: {
      description: "The connection. `reused`: the account was connected already, and this is that connection.",
      schema: Type.Intersect([Connection, Type.Object({ reused: Type.Boolean() })]),
    },
  },
  async handle({ engine }, { body }, { actor, key }) {
    if (body.owner !== undefined && key.role !== "admin") {
      throw new JackfieldError("admin_required", {
        detail: "Only an admin may make a connection for somebody else.",
        members: { field: "owner" },
      });
    }
    const { connection, reused } = await engine.connections.create(actor, body);
    return { status: 201, body: { ...connection, reused }, headers: { Location: `/v1/connections/${connection.id}` } };
  },
});

const listConnections = route({
  id: "listConnections",
  method: "GET",
  path: "/v1/connections",
  summary: "Connections, the newest first.",
  roles: readers,
  query: Type.Object(
    {
      connector: Type.Optional(Identifier("Only of this connector.")),
      auth: Type.Optional(Identifier("Only of this way to connect.")),
      environment: Type.Optional(Identifier("Only of this environment.")),
      client_id: Type.Optional(
        Type.String({ minLength: 1, maxLength: 2000, description: "Only those made with this client of an app." }),
      ),
      status: Type.Optional(Status),
      owner: Type.Optional(Identifier("Only this owner's. Without effect for those who see their own only.")),
      search: Type.Optional(Type.String({ maxLength: 200, description: "Part of name, label, description or unique id." })),
      ...pageQuery,
    },
    closed,
  ),
  answers: { 200: { description: "A page of connections.", schema: list(Connection) } },
  async handle({ engine }, { query }, { actor }) {
    const { limit = 50, cursor, ...filter } = query;
    return ok(await engine.connections.list(actor, filter, { limit, after: cursor }));
  },
});

const getConnection = route({
  id: "getConnection",
  method: "GET",
  path: "/v1/connections/{id}",
  summary: "One connection.",
  roles: watchers,
  params: byId,
  answers: { 200: { description: "The connection.", schema: Connection } },
  async handle({ engine }, { params }, { actor }) {
    return ok(await engine.connections.get(actor, params.id));
  },
});

const updateConnection = route({
  id: "updateConnection",
  method: "PATCH",
  path: "/v1/connections/{id}",
  summary: "Renames, describes, or takes new fields.",
  roles: connecters,
  params: byId,
  body: { kind: "json", schema: Type.Object({ ...named, fields: Type.Optional(Values) }, closed) },
  answers: { 200: { description: "The connection.", schema: Connection } },
  async handle({ engine }, { params, body }, { actor }) {
    return ok(await engine.connections.update(actor, params.id, body));
  },
});

const deleteConnection = route({
  id: "deleteConnection",
  method: "DELETE",
  path: "/v1/connections/{id}",
  summary: "Disconnects: erases at once, and revokes at the provider where that is possible.",
  roles: owners,
  params: byId,
  query: Type.Object(
    { force: Type.Optional(Type.Boolean({ description: "Also when workflows have used it in the last 30 days." })) },
    closed,
  ),
  answers: {
    200: { description: "It is erased here, but the provider did not take the revocation.", schema: Unrevoked },
    204: { description: "It is disconnected." },
  },
  async handle({ engine }, { params, query }, { actor }) {
    const { provider_revoked, provider = {}, retrying = false } = await engine.connections.remove(actor, params.id, query);
    return provider_revoked === false ? ok({ provider_revoked, provider, retrying }) : noContent;
  },
});

const listUsage = route({
  id: "listConnectionUsage",
  method: "GET",
  path: "/v1/connections/{id}/usage",
  summary: "The workflows that named themselves in steps, the last one first.",
  roles: readers,
  params: byId,
  answers: { 200: { description: "All of them.", schema: list(Usage) } },
  async handle({ engine }, { params }, { actor }) {
    return ok({ items: await engine.connections.usage(actor, params.id), next: null });
  },
});

const authorizeConnection = route({
  id: "authorizeConnection",
  method: "POST",
  path: "/v1/connections/{id}/authorize",
  summary: "Starts a sign-in at the provider, also to reconnect, with other fields where the body gives some.",
  roles: connecters,
  params: byId,
  body: { kind: "json", schema: Type.Object({ fields: Type.Optional(Values) }, closed) },
  answers: {
    200: {
      description: "Where the person signs in. With the grant `device_code`, how it ended is told by the connection alone.",
      schema: Authorization,
    },
  },
  async handle({ engine }, { params, body }, { actor }) {
    return ok(await engine.authorization.begin(actor, params.id, body.fields));
  },
});

const testConnection = route({
  id: "testConnection",
  method: "POST",
  path: "/v1/connections/{id}/test",
  summary: "Makes the test call.",
  roles: connecters,
  params: byId,
  answers: { 200: { description: "How it ended.", schema: TestResult } },
  async handle({ engine }, { params }, { actor }) {
    return ok(await engine.connections.test(actor, params.id));
  },
});

const refreshConnection = route({
  id: "refreshConnection",
  method: "POST",
  path: "/v1/connections/{id}/refresh",
  summary: "Replaces the credential now.",
  roles: owners,
  params: byId,
  answers: { 200: { description: "The connection.", schema: Connection } },
  async handle({ engine }, { params }, { actor }) {
    return ok(await engine.connections.refresh(actor, params.id));
  },
});

export const connectionRoutes: readonly Route[] = [
  createConnection,
  listConnections,
  getConnection,
  updateConnection,
  deleteConnection,
  listUsage,
  authorizeConnection,
  testConnection,
  refreshConnection,
];
