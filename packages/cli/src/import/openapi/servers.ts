// `servers`: where the API lives, in which environments, and what the person has to say about it.

import { freeName, shortened, snakeCase } from "../identifier.ts";
import { Inexpressible } from "../note.ts";
import { hostPattern, isOpenPattern, labelPattern } from "../pattern.ts";
import { type Document, listOf, type Node, nodeOf, textOf } from "./document.ts";

export interface Servers {
  readonly baseUrl: string;
  readonly environments: Readonly<Record<string, Record<string, string>>> | undefined;
  readonly fields: readonly object[];
}

/** `given` is used where the document tells no whole URL. Throws `Inexpressible`. */
export function readServers(document: Document, given: string | undefined): Servers {
  if (given !== undefined) return { baseUrl: given.replace(/\/+$/, ""), environments: undefined, fields: [] };
  const servers = listOf(document.root.servers).map((server) => document.resolve(server));
  const [first, ...others] = servers;
  if (first === undefined || textOf(first.url) === undefined)
    throw new Inexpressible("it names no server: give the URL with --base-url");
  if (Object.keys(nodeOf(first.variables)).length > 0) {
    if (others.length > 0) document.notes.notCarried("servers", "all but the first");
    return withVariables(first);
  }
  const plain = servers.filter((server) => Object.keys(nodeOf(server.variables)).length === 0);
  if (plain.length < servers.length) document.notes.notCarried("servers", "those with variables");
  const urls = plain
    .map((server) => ({ server, url: secured(document, String(server.url ?? "")) }))
    .filter(({ url }) => url !== undefined);
  const [only] = urls;
  if (only?.url === undefined)
    throw new Inexpressible(`its server \`${String(first.url)}\` is no whole URL: give one with --base-url`);
  if (urls.length === 1) return { baseUrl: only.url, environments: undefined, fields: [] };
  return { baseUrl: "{{ env.base_url }}", environments: environmentsOf(urls as Named[]), fields: [] };
}

interface Named {
  readonly server: Node;
  readonly url: string;
}

function environmentsOf(urls: readonly Named[]): Record<string, Record<string, string>> {
  const environments: Record<string, Record<string, string>> = {};
  for (const [index, { server, url }] of urls.entries()) {
    const words = `${textOf(server.description) ?? ""} ${url}`.toLowerCase();
    const known =
      /sandbox|staging|test|demo|preview|dev(elopment)?\b/.exec(words)?.[0] ?? (index === 0 ? "production" : undefined);
    const name = known ?? snakeCase(shortened(textOf(server.description) ?? "server", 30));
    environments[freeName(name, (taken) => Object.hasOwn(environments, taken))] = { base_url: url };
  }
  return environments;
}

function secured(document: Document, url: string): string | undefined {
  const trimmed = url.replace(/\/+$/, "");
  if (/^https:\/\/[^/]/.test(trimmed)) return trimmed;
  if (/^http:\/\/(localhost|127\.|\[::1\])/.test(trimmed)) {
    document.notes.notCarried("servers", `${trimmed} is for development`);
    return undefined;
  }
  if (!trimmed.startsWith("http://")) return undefined;
  document.notes.add("servers", `${trimmed} is used with https://`);
  return `https://${trimmed.slice(7)}`;
}

/** Variables become fields. */
function withVariables(server: Node): Servers {
  const source = String(server.url).replace(/\/+$/, "");
  const variables = nodeOf(server.variables);
  const fields: object[] = [];
  const url = source.replace(/\{([^{}]+)\}/g, (_, name: string, offset: number) => {
    const variable = nodeOf(variables[name]);
    const before = source.slice(0, offset);
    const behind = source.slice(offset + name.length + 2);
    if (/^(scheme|protocol)$/i.test(name) && offset === 0) return "https";
    const isHost = !/:\/\/[^/]*\//.test(before);
    const isWhole = /:\/\/$/.test(before) && /^([/:]|$)/.test(behind);
    fields.push(fieldOf(name, variable, isHost ? (isWhole ? hostPattern : labelPattern) : undefined));
    return `{{ fields.${snakeCase(name)} }}`;
  });
  if (!url.startsWith("https://"))
    throw new Inexpressible(`its server \`${source}\` does not begin with https://: give one with --base-url`);
  return { baseUrl: url, environments: undefined, fields };
}

function fieldOf(name: string, variable: Node, pattern: string | undefined): object {
  const values = listOf(variable.enum).map(String);
  const given = textOf(variable.default);
  const isSafe = pattern === undefined || values.every((value) => !isOpenPattern(`^${value.replace(/[^\w.-]/g, "\\$&")}$`));
  const options = values.length > 0 && isSafe ? values.map((value) => ({ label: value, value })) : undefined;
  return {
    name: snakeCase(name),
    type: options ? "select" : undefined,
    required: true,
    default: given,
    options,
    pattern: options ? undefined : pattern,
    help: shortened(textOf(variable.description) ?? "", 500) || undefined,
  };
}
