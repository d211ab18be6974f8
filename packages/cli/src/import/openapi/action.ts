// An operation as an action.

import { freeName, shortened, snakeCase } from "../identifier.ts";
import { readBody } from "./body.ts";
import { type Document, listOf, type Node, nodeOf, textOf } from "./document.ts";
import { type Input, inputOf, merged, typeOf } from "./input.ts";
import type { Security } from "./security.ts";

export interface Operation {
  /** `operationId`, or method and path. */
  readonly id: string;
  readonly method: string;
  readonly path: string;
  readonly node: Node;
  /** Parameters of the path and of the operation. */
  readonly parameters: readonly Node[];
}

const methods = new Set(["get", "post", "put", "patch", "delete", "head", "options"]);
const ofPath = new Set(["summary", "description", "servers", "parameters", "$ref"]);

/** Every operation of the document, in its order. */
export function operationsOf(document: Document): Operation[] {
  return Object.entries(nodeOf(document.root.paths)).flatMap(([path, value]) => {
    const item = document.resolve(value);
    const shared = listOf(item.parameters).map((parameter) => document.resolve(parameter));
    return Object.entries(item).flatMap(([method, own]) => {
      if (ofPath.has(method) || method.startsWith("x-")) return [];
      if (!methods.has(method)) {
        document.notes.notCarried(`${method.toUpperCase()} ${path}`, "the method is not supported");
        return [];
      }
      const node = nodeOf(own);
      const mine = listOf(node.parameters).map((parameter) => document.resolve(parameter));
      const inherited = shared.filter(({ name, in: place }) => !mine.some((other) => other.name === name && other.in === place));
      const id = textOf(node.operationId) ?? `${method} ${path}`;
      return [{ id, method: method.toUpperCase(), path, node, parameters: [...inherited, ...mine] }];
    });
  });
}

interface Parts {
  path: string;
  readonly query: Record<string, string>;
  readonly headers: Record<string, string>;
}

/** One action, as it stands in the manifest. */
export function actionOf(document: Document, operation: Operation, security: Security): object {
  const { id, node, method } = operation;
  const inputs: Record<string, Input> = {};
  const add = (name: string, input: Input): string => {
    const free = freeName(name, (taken) => Object.hasOwn(inputs, taken));
    inputs[free] = input;
    return free;
  };
  const parts: Parts = { path: operation.path, query: {}, headers: {} };
  for (const parameter of operation.parameters) addParameter(document, operation, parameter, parts, add);
  addUndeclared(document, operation, parts, add);
  const body = node.requestBody === undefined ? undefined : readBody(document, node.requestBody, id, add);
  for (const key of ["callbacks", "servers"]) if (node[key] !== undefined) document.notes.notCarried(`${id}.${key}`);
  const { scopes, auth } = accessOf(document, node, security);
  return {
    title: shortened(textOf(node.summary) ?? spelled(id), 100),
    description: shortened(textOf(node.description) ?? "", 1000) || undefined,
    input: Object.keys(inputs).length > 0 ? inputs : undefined,
    scopes,
    auth,
    request: {
      method: method === "GET" ? undefined : method,
      path: pathOf(document, id, parts.path),
      query: Object.keys(parts.query).length > 0 ? parts.query : undefined,
      headers: Object.keys(parts.headers).length > 0 ? parts.headers : undefined,
      encoding: body?.encoding,
      body: body?.body,
    },
    error: errorOf(document, node),
    output: answers(document, node) ? "body" : undefined,
  };
}

const spelled = (id: string) => {
  const words = snakeCase(id).replaceAll("_", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
};

/** Headers that OpenAPI itself says are not parameters (§ Parameter Object). */
const notParameters = new Set(["accept", "content-type", "authorization"]);

type AddParameter = (parts: Parts, name: string, hole: string) => void;

const places: Readonly<Record<string, AddParameter>> = {
  path: (parts, name, hole) => {
    parts.path = parts.path.replaceAll(`{${name}}`, `{{ ${hole} }}`);
  },
  query: (parts, name, hole) => {
    parts.query[name] = `{{ ${hole} }}`;
  },
  header: (parts, name, hole) => {
    parts.headers[name] = `{{ ${hole} }}`;
  },
};

function addParameter(
  document: Document,
  { id }: Operation,
  parameter: Node,
  parts: Parts,
  add: (name: string, input: Input) => string,
): void {
  const name = textOf(parameter.name);
  const place = String(parameter.in);
  if (name === undefined || (place === "header" && notParameters.has(name.toLowerCase()))) return;
  const key = `${id}.${name}`;
  const insert = places[place];
  if (insert === undefined) {
    document.notes.notCarried(key, `parameters in \`${place}\` are not supported`);
    return;
  }
  const schema = parameter.schema ?? nodeOf(Object.values(nodeOf(parameter.content))[0]).schema;
  const asked = {
    name,
    key,
    required: parameter.required === true || place === "path",
    description: parameter.description,
    example: parameter.example,
  };
  const input = inputOf(document, schema, asked);
  if (input.type === "object" && parameter.content === undefined) {
    document.notes.notCarried(key, "an object has no place in a path, a query or a header");
    return;
  }
  insert(parts, name, holeOf(`input.${add(snakeCase(name), input)}`, input, parameter, merged(document, schema)));
}

function addUndeclared(
  document: Document,
  operation: Operation,
  parts: Parts,
  add: (name: string, input: Input) => string,
): void {
  for (const [, name = ""] of operation.path.matchAll(/\{([^{}]+)\}/g)) {
    if (!parts.path.includes(`{${name}}`)) continue;
    document.notes.add(`${operation.id}.${name}`, "a part of the path that is not declared; a text is asked for");
    addParameter(document, operation, { name, in: "path", schema: { type: "string" } }, parts, add);
  }
}

/** Lists stand in one text unless `explode` says that each item is a parameter of its own; that is the default in queries. */
function holeOf(name: string, input: Input, { style, explode, in: place, content }: Node, schema: Node): string {
  if (content !== undefined && (input.type === "object" || input.list === true)) return `$string(${name})`;
  if (typeOf(schema) !== "array") return name;
  const isRepeated = place === "query" && (explode ?? (style === undefined || style === "form")) === true;
  const separator = style === "spaceDelimited" ? " " : style === "pipeDelimited" ? "|" : ",";
  return isRepeated ? name : `$join($map(${name}, $string), "${separator}")`;
}

function pathOf(document: Document, id: string, filled: string): string {
  const [path = "", search] = filled.split("?");
  if (search !== undefined) document.notes.notCarried(`${id}.path`, `\`?${search}\` is no part of a path`);
  return path.startsWith("/") ? path : `/${path}`;
}

function accessOf(
  document: Document,
  node: Node,
  { auths, ids }: Security,
): { scopes: string[] | undefined; auth: string[] | undefined } {
  if (node.security === undefined) return { scopes: undefined, auth: undefined };
  const requirements = listOf(node.security).map((requirement) => nodeOf(requirement));
  const named = requirements.flatMap((requirement) => Object.entries(requirement));
  const own = [...new Set(named.flatMap(([scheme]) => ids.get(scheme) ?? []))];
  const declared = Object.values(auths).flatMap(({ scopes }) => scopesIn(scopes));
  const scopes = [...new Set(named.flatMap(([, names]) => listOf(names).map(String)))].filter((name) => {
    if (declared.includes(name)) return true;
    document.notes.notCarried(`${textOf(node.operationId) ?? "operation"}.security`, `no scheme declares the scope \`${name}\``);
    return false;
  });
  const isSome = own.length > 0 && own.length < Object.keys(auths).length;
  return { scopes: scopes.length > 0 ? scopes : undefined, auth: isSome ? own : undefined };
}

function scopesIn(scopes: unknown): string[] {
  const { required = [], optional = [] } = (scopes ?? {}) as Record<string, { name: string }[]>;
  return [...(required ?? []), ...(optional ?? [])].map(({ name }) => name);
}

/** Whether a success brings data. */
const answers = (document: Document, { responses }: Node): boolean =>
  Object.entries(nodeOf(responses)).some(
    ([status, response]) => /^(2..|default)$/i.test(status) && document.resolve(response).content !== undefined,
  );

const saying = ["message", "detail", "error_description", "title", "description", "error", "errors"];

/** The provider's own words, where an error's schema tells which property holds them. */
function errorOf(document: Document, node: Node): string | undefined {
  const responses = Object.entries(nodeOf(node.responses)).filter(([status]) => /^(4..|default)$/i.test(status));
  for (const [, response] of responses) {
    const media = Object.entries(nodeOf(document.resolve(response).content)).find(([type]) => /json/i.test(type))?.[1];
    const properties = nodeOf(merged(document, nodeOf(media).schema).properties);
    const inner = merged(document, properties.error);
    const nested = saying.find(
      (name) =>
        Object.hasOwn(nodeOf(inner.properties), name) && typeOf(document.resolve(nodeOf(inner.properties)[name])) === "string",
    );
    if (nested !== undefined) return `body.error.${nested}`;
    const plain = saying.find(
      (name) => Object.hasOwn(properties, name) && typeOf(document.resolve(properties[name])) === "string",
    );
    if (plain !== undefined) return `body.${plain}`;
  }
  return undefined;
}
