// OpenAPI documents, as manifests.

import { compile } from "@jackfield/manifest";
import { connectorName, freeName, shortened, snakeCase } from "./identifier.ts";
import { manifestText } from "./manifest-text.ts";
import { Inexpressible, type Note, Notes } from "./note.ts";
import { actionOf, type Operation, operationsOf } from "./openapi/action.ts";
import { Document, isNode, nodeOf, textOf } from "./openapi/document.ts";
import { meOf } from "./openapi/me.ts";
import { readSecurity } from "./openapi/security.ts";
import { readServers } from "./openapi/servers.ts";

export interface OpenApiOptions {
  /** Ids of operations; undefined: all. */
  readonly operations: readonly string[] | undefined;
  readonly name?: string | undefined;
  readonly baseUrl?: string | undefined;
}

export interface ImportedApi {
  readonly name: string;
  readonly text: string | undefined;
  readonly reason: string | undefined;
  readonly notes: readonly Note[];
  /** Every operation of the document, and the action that was made of it. */
  readonly operations: readonly { readonly id: string; readonly action: string | undefined }[];
}

/** One document as a manifest. Never throws for what the document says. */
export function importOpenApi(source: unknown, options: OpenApiOptions): ImportedApi {
  const notes = new Notes();
  const name = connectorName(options.name ?? textOf(nodeOf(nodeOf(source).info).title) ?? "api");
  try {
    const document = new Document(source, notes);
    const { manifest, operations } = manifestOf(document, name, options);
    const text = manifestText(manifest);
    const { problems } = compile(text, { file: "connector.yaml", folder: name });
    const errors = problems.filter(({ severity }) => severity === "error").map(({ path, message }) => `${path}: ${message}`);
    if (problems.some(({ code }) => code === "too_large" || code === "too_many_values")) errors.push("Choose fewer operations.");
    const reason = errors.length > 0 ? `the manifest would not be valid: ${errors.join(" ")}` : undefined;
    return { name, text: reason === undefined ? text : undefined, reason, notes: notes.all, operations };
  } catch (error) {
    if (!(error instanceof Inexpressible)) throw error;
    return { name, text: undefined, reason: error.message, notes: notes.all, operations: [] };
  }
}

const knownKeys = new Set([
  "openapi",
  "info",
  "servers",
  "paths",
  "components",
  "security",
  "tags",
  "externalDocs",
  "jsonSchemaDialect",
]);

function manifestOf(document: Document, name: string, { operations: chosen, baseUrl }: OpenApiOptions) {
  const { root, notes } = document;
  for (const key of Object.keys(root)) if (!knownKeys.has(key) && !key.startsWith("x-")) notes.notCarried(key);
  const info = nodeOf(root.info);
  const title = shortened(textOf(info.title) ?? name, 100);
  const servers = readServers(document, baseUrl);
  const security = readSecurity(document);
  const all = operationsOf(document);
  const ids = new Map<string, string>();
  const actions: Record<string, object> = {};
  for (const operation of all) {
    if (chosen !== undefined && !chosen.includes(operation.id)) continue;
    const id = freeName(snakeCase(operation.id), (taken) => Object.hasOwn(actions, taken));
    actions[id] = actionOf(document, operation, security);
    ids.set(operation.id, id);
  }
  const manifest = {
    manifest: 1,
    name,
    title,
    version: /^\d+\.\d+\.\d+$/.test(String(info.version)) ? String(info.version) : undefined,
    description: shortened(textOf(info.description) ?? textOf(info.summary) ?? "", 1000) || undefined,
    docs_url: docsUrl(root.externalDocs),
    base_url: servers.baseUrl,
    environments: servers.environments,
    auth: authsOf(document, security.auths, servers.fields, all, title),
    actions: Object.keys(actions).length > 0 ? actions : undefined,
  };
  return { manifest, operations: all.map(({ id }) => ({ id, action: ids.get(id) })) };
}

function docsUrl(docs: unknown): string | undefined {
  const url = isNode(docs) ? textOf(docs.url) : undefined;
  return url !== undefined && /^https:\/\/\S{1,490}$/.test(url) ? url : undefined;
}

function authsOf(
  document: Document,
  auths: Readonly<Record<string, Record<string, unknown>>>,
  asked: readonly object[],
  operations: readonly Operation[],
  title: string,
): object {
  const me = meOf(document, operations, title);
  return Object.fromEntries(
    Object.entries(auths).map(([id, auth]) => {
      const { type, fields = [], ...others } = auth as { type: string; fields?: object[] };
      const all = [...asked, ...fields];
      const identity = type === "none" ? {} : { test: { request: me.request }, label: me.label, unique_id: me.uniqueId };
      return [id, { type, ...others, fields: all.length > 0 ? all : undefined, ...identity }];
    }),
  );
}
