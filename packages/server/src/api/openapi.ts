import type { TSchema } from "typebox";
import { sessionHeader } from "../access/authenticate.ts";
import type { AnswerSchema, Body, Method, Route } from "./route.ts";
import { Problem } from "./schemas.ts";

type Json = Readonly<Record<string, unknown>>;

/** The OpenAPI 3.1 document of the routes. Schemas with a title are its components. */
export function openApiDocument(routes: readonly Route[], about: { readonly url: string; readonly version: string }): Json {
  const schemas: Record<string, unknown> = {};
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    paths[route.path] ??= {};
    for (const method of methodsOf(route))
      Object.assign(paths[route.path] ?? {}, { [method.toLowerCase()]: operation(route, method, schemas) });
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Jackfield",
      version: about.version,
      description: "Labelled, always fresh API connections.",
      license: { name: "Apache-2.0" },
    },
    servers: [{ url: about.url }],
    security: [{ api_key: [] }, { session: [] }, { connect_session: [] }],
    paths,
    components: {
      schemas,
      securitySchemes: {
        api_key: { type: "http", scheme: "bearer", description: "`Authorization: Bearer <api key>`." },
        session: {
          type: "apiKey",
          in: "cookie",
          name: about.url.startsWith("https:") ? "__Host-jackfield" : "jackfield",
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

export function methodsOf({ method }: Pick<Route, "method">): readonly Method[] {
  return typeof method === "string" ? [method] : method;
}

function operation(route: Route, method: Method, schemas: Record<string, unknown>): Json {
  const several = typeof route.method !== "string";
  const body = method === "GET" || method === "HEAD" ? undefined : route.body;
  return {
    operationId: several ? `${route.id}_${method.toLowerCase()}` : route.id,
    summary: route.summary,
    ...(route.roles === "public" ? { security: [] } : { "x-roles": [...route.roles] }),
    parameters: [...parameters("path", route.params), ...parameters("query", route.query)],
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

function parameters(place: "path" | "query", schema: TSchema | undefined): Json[] {
  const { properties = {}, required = [] } = (schema ?? {}) as { properties?: Record<string, Json>; required?: string[] };
  return Object.entries(properties).map(([name, { description, ...rest }]) => ({
    name,
    in: place,
    required: place === "path" || required.includes(name),
    ...(description === undefined ? {} : { description }),
    schema: rest,
  }));
}

const bodyMedia = { json: "application/json", yaml: "application/yaml", raw: "*/*" } as const;

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
