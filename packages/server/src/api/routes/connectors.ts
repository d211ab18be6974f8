import { createHash } from "node:crypto";
import { type Actor, allows, JackfieldError, type AppValues as Values } from "@jackfield/engine";
import { listedProblem } from "@jackfield/manifest";
import { Type } from "typebox";
import { callers } from "../../access/roles.ts";
import { decodeCursor, paged } from "../../store/cursor.ts";
import { ConnectorDetail, ConnectorItem } from "../connector-schemas.ts";
import { connectorDetail, connectorItem } from "../connector-view.ts";
import { ok, publicRoute, type Route, route, type Services } from "../route.ts";
import { App, AppValues, closed, Identifier, list, ManifestProblem, nullable, pageQuery } from "../schemas.ts";
import { wants } from "../wants.ts";

const manifestBody = { kind: "yaml", limit: 256 * 1024, description: "A manifest." } as const;
export const byName = Type.Object({ name: Identifier("The connector's name.") });
export const byApp = Type.Object({
  name: Identifier("The connector's name."),
  auth: Identifier("The auth's id."),
  environment: Identifier("The environment."),
});

export async function connectorOf(services: Services, name: string, actor?: Actor) {
  await services.catalog.learn({ connector: name });
  const connector = services.catalog.get(name);
  if (connector === undefined || !allows(actor?.limits, { connector: name }))
    throw new JackfieldError("connector_unknown", { detail: `There is no connector "${name}".` });
  return connector;
}

const listConnectors = route({
  id: "listConnectors",
  method: "GET",
  path: "/v1/connectors",
  summary: "The catalogue, by name.",
  roles: callers,
  query: Type.Object(
    {
      ...pageQuery,
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, description: "How many items at most. Default: all." })),
    },
    closed,
  ),
  answers: { 200: { description: "A page of connectors.", schema: list(ConnectorItem) } },
  async handle(services, { query }, { actor }) {
    const [after] = query.cursor === undefined ? [] : decodeCursor(query.cursor);
    const rest = services.catalog
      .list()
      .filter(({ name }) => (after === undefined || name > after) && allows(actor.limits, { connector: name }));
    const limit = query.limit ?? rest.length;
    const page = paged(
      rest,
      limit,
      (connector) => connector,
      ({ name }) => [name, name],
    );
    return ok({ ...page, items: await Promise.all(page.items.map((connector) => connectorItem(services, actor, connector))) });
  },
});

const getConnector = route({
  id: "getConnector",
  method: "GET",
  path: "/v1/connectors/{name}",
  summary: "A connector's forms, set-up and actions; with `Accept: text/event-stream`, when they change.",
  roles: callers,
  params: byName,
  answers: {
    200: {
      description: "The connector.",
      schema: ConnectorDetail,
      also: { "text/event-stream": "`change` with `{name}` whenever the manifest is replaced." },
    },
  },
  async handle(services, { params, request, response }, { actor, admitted }) {
    const connector = await connectorOf(services, params.name, actor);
    if (!wants(request.headers.accept, "text/event-stream")) return ok(await connectorDetail(services, actor, connector));
    const stream = await services.streams.open(response, admitted);
    stream.onClose(services.catalog.watch(params.name, () => stream.send("change", { name: params.name })));
    return "answered";
  },
});

const publishConnector = route({
  id: "publishConnector",
  method: "PUT",
  path: "/v1/connectors/{name}",
  summary: "Publishes a manifest at run time.",
  roles: ["admin", "author"],
  params: byName,
  body: manifestBody,
  answers: {
    200: { description: "The connector was replaced.", schema: ConnectorDetail },
    201: { description: "The connector is new.", schema: ConnectorDetail },
  },
  async handle(services, { params, body }, principal) {
    const { created } = await services.publish(params.name, body, principal);
    return {
      status: created ? 201 : 200,
      body: await connectorDetail(services, principal.actor, await connectorOf(services, params.name)),
    };
  },
});

const validateManifest = route({
  id: "validateManifest",
  method: "POST",
  path: "/v1/connectors/validate",
  summary: "Checks a manifest and stores nothing.",
  roles: ["admin", "author"],
  body: manifestBody,
  answers: {
    200: {
      description: "What is wrong with it, if anything.",
      schema: Type.Object({
        valid: Type.Boolean(),
        name: nullable(Type.String()),
        problems: Type.Array(ManifestProblem),
      }),
    },
  },
  async handle({ catalog }, { body }) {
    const { connector, problems } = catalog.compile(body, { file: "connector.yaml" });
    return ok({ valid: connector !== undefined, name: connector?.name ?? null, problems: problems.map(listedProblem) });
  },
});

const connectorIcon = publicRoute({
  id: "getConnectorIcon",
  method: "GET",
  path: "/v1/connectors/{name}/icon.svg",
  summary: "A connector's picture.",
  params: byName,
  answers: {
    200: { description: "The picture.", media: "image/svg+xml" },
    304: { description: "It is still the one that `If-None-Match` names." },
  },
  async handle(services, { params, request, response }) {
    const connector = await connectorOf(services, params.name);
    const picture = (await services.catalog.icon(params.name)) ?? Buffer.from(monogram(connector.title));
    const etag = `"${createHash("sha256").update(picture).digest("base64url").slice(0, 22)}"`;
    response.setHeader("ETag", etag);
    response.setHeader("Cache-Control", "public, max-age=3600");
    // A picture is somebody else's document: opened on its own, it must not run or load anything in our name.
    response.setHeader("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox");
    if (request.headers["if-none-match"] === etag) return { status: 304 };
    response.writeHead(200, { "Content-Type": "image/svg+xml", "Content-Length": picture.length });
    response.end(request.method === "HEAD" ? undefined : picture);
    return "answered";
  },
});

/** The first letter on a colour that stays the same, for connectors without a picture. */
function monogram(title: string): string {
  const hue = (createHash("sha256").update(title).digest()[0] ?? 0) * (360 / 256);
  const [letter = ""] = /[\p{L}\p{N}]/u.exec(title) ?? [];
  return (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 48 48"><rect width="48" height="48" rx="10" ' +
    `fill="hsl(${Math.round(hue)} 45% 42%)"/><text x="24" y="32" text-anchor="middle" font-family="sans-serif" font-size="24" ` +
    `fill="#fff">${letter.toUpperCase()}</text></svg>`
  );
}

const getApp = route({
  id: "getApp",
  method: "GET",
  path: "/v1/connectors/{name}/apps/{auth}/{environment}",
  summary: "A saved app, without its secret.",
  roles: ["admin"],
  params: byApp,
  answers: { 200: { description: "The app.", schema: App } },
  async handle({ engine }, { params }, { actor }) {
    const app = await engine.apps.get(actor, params.name, params.auth, params.environment);
    if (app === undefined) throw new JackfieldError("not_found", { detail: "No app is saved here yet." });
    return ok(app);
  },
});

const putApp = route({
  id: "putApp",
  method: "PUT",
  path: "/v1/connectors/{name}/apps/{auth}/{environment}",
  summary: "Saves an app. Without `client_secret` the stored secret stays; what connections were made with is kept for them.",
  roles: ["admin"],
  params: byApp,
  body: {
    kind: "json",
    schema: AppValues,
  },
  answers: { 200: { description: "The app.", schema: App } },
  async handle({ engine }, { params, body }, { actor }) {
    return ok(await engine.apps.put(actor, params.name, params.auth, params.environment, body as Values));
  },
});

const deleteApp = route({
  id: "deleteApp",
  method: "DELETE",
  path: "/v1/connectors/{name}/apps/{auth}/{environment}",
  summary: "Erases an app, unless connections live by it.",
  roles: ["admin"],
  params: byApp,
  query: Type.Object(
    {
      force: Type.Optional(
        Type.Boolean({ description: "Also where connections live by it: they work until their tokens end, and say so then." }),
      ),
    },
    closed,
  ),
  answers: { 204: { description: "It is gone." } },
  async handle({ engine }, { params, query }, { actor }) {
    const deleted = await engine.apps.delete(actor, params.name, params.auth, params.environment, query);
    if (!deleted) throw new JackfieldError("not_found", { detail: "No app is saved here." });
    return { status: 204 };
  },
});

export const connectorRoutes: readonly Route[] = [
  listConnectors,
  validateManifest,
  getConnector,
  publishConnector,
  connectorIcon,
  getApp,
  putApp,
  deleteApp,
];
