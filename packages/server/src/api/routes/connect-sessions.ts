import { JackfieldError } from "@jackfield/engine";
import { type Static, Type } from "typebox";
import { actorOfSession, type Principal } from "../../access/authenticate.ts";
import type { ConnectSession as Session } from "../../access/connect-sessions.ts";
import { returnOrigin, returnUrl } from "../../http/return-url.ts";
import { noContent, ok, type Route, route, type Services } from "../route.ts";
import { ConnectSession, closed, Identifier, Owner, plainLine } from "../schemas.ts";

const byId = Type.Object({ id: Identifier("The session's id.") });
/** Who may make links. */
export const makers = ["admin", "author", "user"] as const;

const wanted = Type.Object(
  {
    owner: Owner("Whose connections will be made. Only an admin may name another than the key's own."),
    connectors: Type.Optional(
      Type.Array(Identifier("A connector's name."), {
        minItems: 1,
        maxItems: 100,
        description: "What may be connected. Default: every connector.",
      }),
    ),
    auth: Type.Optional(Identifier("The only way to connect; each of `connectors` must have it.")),
    environment: Type.Optional(Identifier("The only environment; each of `connectors` must have it.")),
    connection: Type.Optional(
      Identifier("The id of a connection to reconnect, in place of `connectors`, `auth` and `environment`."),
    ),
    name: Type.Optional(
      Type.String({ minLength: 1, maxLength: 100, pattern: plainLine, description: "Who asks, as the person is told." }),
    ),
    return_origin: Type.Optional(
      Type.String({ maxLength: 300, description: "The origin of the page that is told, by postMessage, what was connected." }),
    ),
    return_path: Type.Optional(
      Type.String({ maxLength: 2000, description: "Where, within `return_origin`, the link back leads to. Default: `/`." }),
    ),
    expires_in: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 86_400, description: "Seconds. Default: 1800, half an hour." }),
    ),
  },
  closed,
);

const createConnectSession = route({
  id: "createConnectSession",
  method: "POST",
  path: "/v1/connect_sessions",
  summary: "Makes a short-lived link with which a person without a key connects for one owner. It is shown in this answer only.",
  roles: makers,
  body: { kind: "json", schema: wanted },
  answers: {
    201: { description: "The session.", schema: Type.Intersect([ConnectSession, Type.Object({ url: Type.String() })]) },
  },
  async handle(services, { body }, principal) {
    const { session, url } = await makeConnectSession(services, principal, body);
    return {
      status: 201,
      body: { ...(await view(services, session)), url },
      headers: { Location: `/v1/connect_sessions/${session.id}` },
    };
  },
});

/** A link for what is asked for, if it is there and the key may ask for it. Throws `admin_required`, `request_invalid`, `…_unknown`. */
export async function makeConnectSession(
  services: Services,
  principal: Principal,
  body: Static<typeof wanted>,
): Promise<{ readonly session: Session; readonly url: string }> {
  const { owner, name = null, expires_in = 1800 } = body;
  if (owner !== principal.key.owner && principal.key.role !== "admin") {
    throw new JackfieldError("admin_required", {
      detail: "Only an admin may make a link for somebody else's connections.",
      members: { field: "owner" },
    });
  }
  const limits = await (body.connection === undefined
    ? connecting(services, body)
    : reconnecting(services, principal, { ...body, connection: body.connection }));
  const values = { owner, name, ...limits, ...returning(body) };
  const { session, token } = await services.access.connectSessions.create(principal.key, values, expires_in);
  return { session, url: `${services.platform.url}/connect/${token}` };
}

type Wanted = {
  readonly owner: string;
  readonly connectors?: readonly string[];
  readonly auth?: string | null;
  readonly environment?: string | null;
  readonly return_origin?: string;
  readonly return_path?: string;
};
type Limits = Pick<Session, "connectors" | "auth" | "environment" | "connection">;

/** What is asked for must be there: the person who opens the link could do nothing about it. */
async function connecting({ catalog }: Services, { connectors, auth = null, environment = null }: Wanted): Promise<Limits> {
  if (connectors === undefined && (auth ?? environment) !== null)
    throw refused("connectors", "must be given with auth or environment, whose names are the connector's own.");
  for (const name of connectors ?? []) {
    await catalog.learn({ connector: name });
    const connector = catalog.get(name);
    if (connector === undefined) throw new JackfieldError("connector_unknown", { detail: `There is no connector "${name}".` });
    requireKnown(connector.auth, auth, "auth_unknown");
    requireKnown(connector.environments, environment, "environment_unknown");
  }
  return { connectors: connectors === undefined ? null : [...new Set(connectors)], auth, environment, connection: null };
}

function requireKnown(known: object, name: string | null, code: "auth_unknown" | "environment_unknown"): void {
  if (name !== null && !Object.hasOwn(known, name)) throw new JackfieldError(code);
}

/** The limits of a link for one connection, which the key must reach and the owner must have. */
async function reconnecting(
  { engine }: Services,
  { actor }: Principal,
  { owner, connection, connectors, auth, environment }: Wanted & { readonly connection: string },
): Promise<Limits> {
  if ([connectors, auth, environment].some((limit) => limit !== undefined))
    throw refused("connection", "says already what is connected: leave connectors, auth and environment out.");
  const known = await engine.connections.get(actor, connection);
  if (known.owner !== owner) throw new JackfieldError("connection_unknown", { detail: "The owner has no such connection." });
  return { connectors: [known.connector], auth: known.auth, environment: known.environment, connection: known.id };
}

function returning({ return_origin, return_path }: Wanted): Pick<Session, "return_origin" | "return_url"> {
  if (return_origin === undefined) {
    if (return_path !== undefined) throw refused("return_path", "needs return_origin.");
    return { return_origin: null, return_url: null };
  }
  const origin = returnOrigin(return_origin);
  return { return_origin: origin, return_url: returnUrl(origin, return_path ?? "/") };
}

function refused(field: string, words: string): JackfieldError {
  return new JackfieldError("request_invalid", { detail: `body: ${field} ${words}`, members: { in: "body", field } });
}

const getConnectSession = route({
  id: "getConnectSession",
  method: "GET",
  path: "/v1/connect_sessions/{id}",
  summary: "How a connect session stands, and what was connected with it; known for a week after its end.",
  roles: [...makers, "connect_session"],
  params: byId,
  answers: { 200: { description: "The session.", schema: ConnectSession } },
  async handle(services, { params }, principal) {
    return ok(await view(services, await reached(services, principal, params.id)));
  },
});

const endConnectSession = route({
  id: "endConnectSession",
  method: "DELETE",
  path: "/v1/connect_sessions/{id}",
  summary: "Ends a connect session. What was connected with it stays.",
  roles: makers,
  params: byId,
  answers: { 204: { description: "The link no longer works." } },
  async handle(services, { params }, principal) {
    const { id, workspace } = await reached(services, principal, params.id);
    await services.access.connectSessions.end(workspace, id);
    await services.streams.closeUnadmitted();
    return noContent;
  },
});

/** Admins reach every session of the workspace, others their owner's; a person who was given the link that one. */
async function reached({ access }: Services, { actor, key }: Principal, id: string): Promise<Session> {
  const session = await access.connectSessions.get(actor.workspace, id);
  const visible = key.role === "connect_session" ? key.id === id : key.role === "admin" || session?.owner === key.owner;
  if (session === undefined || !visible) throw new JackfieldError("not_found", { detail: "There is no such connect session." });
  return session;
}

async function view({ engine, access, clock }: Services, session: Session) {
  const { workspace: _workspace, key: _key, ended_at, ...shown } = session;
  const { items: connections } = await engine.connections.list(actorOfSession(session), {}, { limit: 1 });
  const open = connections.length > 0 ? "used" : "open";
  // Its key may have been revoked.
  const over = ended_at === null && Date.parse(session.expires_at) <= clock() ? "expired" : "ended";
  return { ...shown, state: (await access.connectSessions.isOpen(session.id)) ? open : over, connections };
}

export const connectSessionRoutes: readonly Route[] = [createConnectSession, getConnectSession, endConnectSession];
