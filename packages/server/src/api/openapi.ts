import { errorTable } from "@jackfield/engine";
import { type Action, type Connector, inputSchema } from "@jackfield/manifest";
import type { TSchema } from "typebox";
import { sessionHeader } from "../access/authenticate.ts";
import type { AnswerSchema, Body, Method, Route } from "./route.ts";
import { Problem } from "./schemas.ts";

/*
 * What is served, told in OpenAPI 3.1: one document for the platform, and one for each connector, in which its actions are typed
 * operations. All connectors in one document would be megabytes of which anybody uses a few; generators of clients take what they are given.
 */

type Json = Readonly<Record<string, unknown>>;

interface About {
  readonly url: string;
  readonly version: string;
}

/** The OpenAPI 3.1 document of the routes. Schemas with a title are its components. */
export function openApiDocument(routes: readonly Route[], about: About): Json {
  const schemas: Record<string, unknown> = {};
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    paths[route.path] ??= {};
    for (const method of methodsOf(route))
      Object.assign(paths[route.path] ?? {}, { [method.toLowerCase()]: operation(route, method, schemas) });
  }
  const used = new Set(routes.map(tagOf));
  const description =
    "Labelled, always fresh API connections. The actions of a connector are described, as typed operations, by " +
    "`/v1/connectors/{name}/openapi.json`.";
  return {
    ...frame(about, { title: "Jackfield", version: about.version, description }, schemas),
    tags: tags.filter(({ name }) => used.has(name)).map(({ name, description }) => ({ name, description })),
    paths,
    "x-error-codes": errorCodes,
  };
}

/** The OpenAPI 3.1 document of a connector's actions and drop-downs, made from the routes that run them. */
export function connectorDocument(connector: Connector, steps: readonly Route[], about: About): Json {
  const schemas: Record<string, unknown> = {};
  const described = (id: string, rename: (route: Route) => readonly (readonly [path: string, operation: Json])[]) =>
    steps.filter((route) => route.id === id).flatMap(rename);
  const paths = [
    ...described("runAction", (route) =>
      Object.values(connector.actions).map((action) => [
        fixed(route, "action", action.id),
        actionOperation(route, action, schemas),
      ]),
    ),
    ...described("listOptions", (route) =>
      Object.keys(connector.options).map((name) => [fixed(route, "name", name), optionsOperation(route, name, schemas)]),
    ),
  ];
  return {
    ...frame(about, { title: connector.title, version: connector.version, description: connector.description }, schemas),
    externalDocs: { url: `${about.url}/openapi.json`, description: "The platform: connections, connectors, events, keys." },
    tags: [
      { name: "Actions", description: `What a workflow can do with a connection to ${connector.title}.` },
      { name: "Drop-downs", description: "The choices for an input, as the provider has them." },
    ],
    paths: Object.fromEntries(paths.map(([path, post]) => [path, { post }])),
    "x-connector": connector.name,
  };
}

function frame({ url }: About, info: Json, schemas: Json): Json {
  return {
    openapi: "3.1.0",
    info: { ...info, license: { name: "Apache-2.0", identifier: "Apache-2.0" } },
    servers: [{ url }],
    security: [{ api_key: [] }, { session: [] }, { connect_session: [] }],
    components: {
      schemas,
      securitySchemes: {
        api_key: { type: "http", scheme: "bearer", description: "`Authorization: Bearer <api key>`." },
        session: {
          type: "apiKey",
          in: "cookie",
          name: url.startsWith("https:") ? "__Host-jackfield" : "jackfield",
          description: "A signed-in browser.",
        },
        connect_session: {
          type: "apiKey",
          in: "header",
          name: sessionHeader,
          description: "The id of a connect session, from a page in the browser that opened its link; the proof is a cookie.",
        },
      },
    },
  };
}

const errorCodes = Object.fromEntries(
  Object.entries(errorTable).map(([code, [status, audience, message, hint]]) => [code, { status, audience, message, hint }]),
);

/** Which group a route belongs to: the first whose pattern its path matches. */
const tags: readonly { readonly name: string; readonly path: RegExp; readonly description: string }[] = [
  {
    name: "Steps",
    path: /^\/(mcp$|v1\/files|v1\/connections\/\{id\}\/(actions|options|proxy)\/)/,
    description: "What is done with a connection.",
  },
  { name: "Connections", path: /^\/v1\/connections/, description: "From a draft to its end." },
  { name: "Apps", path: /\/apps\//, description: "The clients that an admin registered at providers." },
  { name: "Connectors", path: /^\/v1\/connectors/, description: "The catalogue, and manifests." },
  { name: "Connect sessions", path: /^\/v1\/connect_sessions/, description: "Links for people without a key." },
  { name: "Events", path: /^\/v1\/event/, description: "What happened, and who is told." },
  { name: "Access", path: /^\/v1\/(session|api_keys)/, description: "Keys, and signed-in browsers." },
  { name: "Deployment", path: /^/, description: "This deployment and its state." },
];

const tagOf = ({ path }: Pick<Route, "path">): string => tags.find((tag) => tag.path.test(path))?.name ?? "";

const fixed = ({ path }: Route, parameter: string, value: string) => path.replace(`{${parameter}}`, value);

/** Running an action, with the inputs that the manifest declares in place of any. */
function actionOperation(route: Route, action: Action, schemas: Record<string, unknown>): Json {
  const { parameters, requestBody, ...rest } = operation(route, "POST", schemas);
  const input = inputSchema(action.input);
  const { properties, required = [], ...body } = bodySchema(route);
  const needed = input.required === undefined ? required : [...required, "input"];
  // The titles of inputs are for people, and no names of components.
  const known = component({ ...body, properties }, schemas) as ObjectSchema;
  const schema = { ...known, properties: { ...known.properties, input }, ...(needed.length === 0 ? {} : { required: needed }) };
  return {
    ...rest,
    tags: ["Actions"],
    operationId: action.id,
    summary: action.title,
    ...(action.description === undefined ? {} : { description: action.description }),
    parameters: without(parameters, "action"),
    requestBody: {
      ...requestBody,
      required: needed.length > 0,
      content: { "application/json": { schema } },
    },
    ...(action.scopes.length === 0 ? {} : { "x-scopes": [...action.scopes] }),
    ...(action.auth === undefined ? {} : { "x-auth": [...action.auth] }),
  };
}

function optionsOperation(route: Route, name: string, schemas: Record<string, unknown>): Json {
  const { parameters, ...rest } = operation(route, "POST", schemas);
  // No action is called so: their ids have no capital letters.
  return {
    ...rest,
    tags: ["Drop-downs"],
    operationId: `${route.id}_${name}`,
    summary: name,
    parameters: without(parameters, "name"),
  };
}

const without = (parameters: readonly Json[], name: string) => parameters.filter((parameter) => parameter.name !== name);

type ObjectSchema = Json & { readonly properties?: Json; readonly required?: readonly string[] };
const bodySchema = ({ body }: Route): ObjectSchema => (body?.kind === "json" ? (body.schema as unknown as ObjectSchema) : {});

export function methodsOf({ method }: Pick<Route, "method">): readonly Method[] {
  return typeof method === "string" ? [method] : method;
}

interface Operation extends Json {
  readonly parameters: readonly Json[];
  readonly requestBody?: Json;
}

function operation(route: Route, method: Method, schemas: Record<string, unknown>): Operation {
  const several = typeof route.method !== "string";
  const body = method === "GET" || method === "HEAD" ? undefined : route.body;
  return {
    operationId: several ? `${route.id}_${method.toLowerCase()}` : route.id,
    summary: route.summary,
    tags: [tagOf(route)],
    ...(route.roles === "public" ? { security: [] } : { "x-roles": [...route.roles] }),
    parameters: [
      ...parameters("path", route.params),
      ...parameters("query", route.query),
      ...parameters("header", route.headers),
    ],
    ...(body === undefined ? {} : { requestBody: requestBody(body, schemas) }),
    responses: {
      ...Object.fromEntries(Object.entries(route.answers).map(([status, answer]) => [status, response(answer, schemas)])),
      default: {
        description: "What is wrong, and who can do what about it.",
        content: { "application/problem+json": { schema: component(Problem, schemas) } },
      },
    },
  };
}

function parameters(place: "path" | "query" | "header", schema: TSchema | undefined): Json[] {
  const { properties = {}, required = [] } = (schema ?? {}) as { properties?: Record<string, Json>; required?: string[] };
  return Object.entries(properties).map(([name, { description, ...rest }]) => ({
    name,
    in: place,
    required: place === "path" || required.includes(name),
    ...(description === undefined ? {} : { description }),
    schema: rest,
  }));
}

const bodyMedia = { json: "application/json", yaml: "application/yaml", raw: "*/*", stream: "*/*" } as const;

function requestBody(body: Body, schemas: Record<string, unknown>): Json {
  const schema = body.kind === "json" ? component(body.schema, schemas) : body.kind === "yaml" ? { type: "string" } : {};
  return {
    required: body.kind === "yaml",
    ...(body.kind === "json" ? {} : { description: body.description }),
    content: { [bodyMedia[body.kind]]: { schema } },
  };
}

function response(answer: AnswerSchema, schemas: Record<string, unknown>): Json {
  if ("media" in answer) return { description: answer.description, content: { [answer.media]: {} } };
  const { description, schema, also = {} } = answer;
  if (schema === undefined) return { description };
  const others = Object.entries(also).map(([media, words]) => [media, { schema: { type: "string", description: words } }]);
  return { description, content: { "application/json": { schema: component(schema, schemas) }, ...Object.fromEntries(others) } };
}

/** A copy in which every titled schema is a reference to its component. */
function component(schema: unknown, schemas: Record<string, unknown>): unknown {
  if (Array.isArray(schema)) return schema.map((item) => component(item, schemas));
  if (schema === null || typeof schema !== "object") return schema;
  const { title } = schema as { title?: unknown };
  const copy = () => Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, component(value, schemas)]));
  if (typeof title !== "string") return copy();
  // The name is taken before the copy is made, so that a schema which holds itself would end.
  if (!Object.hasOwn(schemas, title)) {
    schemas[title] = {};
    schemas[title] = copy();
  }
  return { $ref: `#/components/schemas/${title}` };
}
