// `securitySchemes` and `security`: each way to connect becomes an auth block.

import { freeName, shortened, snakeCase } from "../identifier.ts";
import { type Document, isNode, listOf, type Node, nodeOf, textOf } from "./document.ts";

type Auth = Record<string, unknown>;

/** The auth blocks, and which of them come of which scheme. */
export interface Security {
  readonly auths: Readonly<Record<string, Auth>>;
  /** By scheme. */
  readonly ids: ReadonlyMap<string, readonly string[]>;
}

interface Block {
  readonly id: string;
  readonly auth: Auth;
}

type ReadScheme = (document: Document, scheme: Node, name: string) => Block[];

const secretField = (name: string, label: string, help: unknown) => ({
  name,
  label,
  secret: true,
  required: true,
  help: shortened(textOf(help) ?? "", 500) || undefined,
});

function apiKey(document: Document, { in: place, name = "", description }: Node, scheme: string): Block[] {
  const field = snakeCase(scheme);
  const value = `{{ fields.${field} }}`;
  const apply: Readonly<Record<string, object>> = {
    header: { name, value },
    query: { in: "query", name, value },
    cookie: { name: "Cookie", value: `${String(name)}=${value}` },
  };
  const own = apply[String(place)];
  if (own === undefined) {
    document.notes.notCarried(`securitySchemes.${scheme}`, `a key is not sent in \`${String(place)}\``);
    return [];
  }
  const label = /key|token|secret/i.test(String(name)) ? shortened(String(name), 100) : "API key";
  return [
    {
      id: "key",
      auth: {
        type: "api_key",
        fields: [secretField(field, vague.has(label.toLowerCase()) ? `API ${label}` : label, description)],
        apply: own,
      },
    },
  ];
}

const vague = new Set(["key", "token", "value"]);

/** Every scheme of HTTP authentication that can be carried over. */
const httpSchemes: Readonly<Record<string, (scheme: Node) => Block>> = {
  basic: () => ({ id: "basic", auth: { type: "basic" } }),
  bearer: ({ description }) => ({
    id: "token",
    auth: { type: "bearer", fields: [secretField("token", "Access token", description)] },
  }),
};

function http(document: Document, scheme: Node, name: string): Block[] {
  const read = httpSchemes[String(scheme.scheme).toLowerCase()];
  if (read) return [read(scheme)];
  document.notes.notCarried(`securitySchemes.${name}`, `the HTTP authentication \`${String(scheme.scheme)}\` is not supported`);
  return [];
}

interface Flow {
  readonly grant: string;
  readonly id: string;
}

const grants: Readonly<Record<string, Flow | undefined>> = {
  authorizationCode: { grant: "authorization_code", id: "oauth" },
  clientCredentials: { grant: "client_credentials", id: "machine" },
  password: { grant: "password", id: "password" },
};

function oauth2(document: Document, scheme: Node, name: string): Block[] {
  return Object.entries(nodeOf(scheme.flows)).flatMap(([flow, value]) => {
    const known = grants[flow];
    const key = `securitySchemes.${name}.flows.${flow}`;
    if (!isNode(value)) return [];
    if (known === undefined) {
      document.notes.notCarried(key, flow === "implicit" ? "tokens would travel in URLs" : "this flow is not known");
      return [];
    }
    return [{ id: known.id, auth: flowOf(document, value, known.grant, key) }];
  });
}

function flowOf(document: Document, flow: Node, grant: string, key: string): Auth {
  const url = (name: string) => absolute(document, textOf(flow[name]) ?? "", `${key}.${name}`);
  const token = url("tokenUrl");
  const refresh = textOf(flow.refreshUrl) === undefined ? undefined : url("refreshUrl");
  const scopes = Object.entries(nodeOf(flow.scopes)).slice(0, 200);
  const isPassword = grant === "password";
  return {
    type: "oauth2",
    grant,
    acknowledge_risk: isPassword ? "password_grant" : undefined,
    client: grant === "client_credentials" ? { source: "connection" } : undefined,
    fields: isPassword
      ? [{ name: "username", label: "User name", required: true }, secretField("password", "Password", undefined)]
      : undefined,
    scopes: scopes.length === 0 ? undefined : { optional: scopes.map(([scope, reason]) => scopeOf(scope, reason)) },
    authorization: grant === "authorization_code" ? { url: url("authorizationUrl") } : undefined,
    token: {
      url: token,
      params: isPassword ? { username: "{{ fields.username }}", password: "{{ fields.password }}" } : undefined,
    },
    refresh: refresh === undefined || refresh === token ? undefined : { url: refresh },
  };
}

const scopeOf = (name: string, reason: unknown) => ({ name, reason: shortened(textOf(reason) ?? `Use \`${name}\`.`, 500) });

/** URLs may be relative to the first server. */
function absolute(document: Document, url: string, key: string): string {
  if (/^https:\/\//.test(url)) return url;
  const server = textOf(document.resolve(listOf(document.root.servers)[0]).url) ?? "";
  try {
    const whole = new URL(url, server);
    if (whole.protocol === "http:") whole.protocol = "https:";
    document.notes.add(key, `\`${url}\` is taken for ${whole.href}`);
    return whole.href;
  } catch {
    return url;
  }
}

function reported(reason: string): ReadScheme {
  return (document, _scheme, name) => {
    document.notes.notCarried(`securitySchemes.${name}`, reason);
    return [];
  };
}

/** Every type of security scheme. */
const types: Readonly<Record<string, ReadScheme>> = {
  apiKey,
  http,
  oauth2,
  openIdConnect: reported("its endpoints are discovered; enter them as `oauth2`"),
  mutualTLS: reported("a client certificate belongs to a client of OAuth here"),
};

/** Requirements name one scheme or several that count together; each becomes one or more blocks. */
export function readSecurity(document: Document): Security {
  const schemes = nodeOf(nodeOf(document.root.components).securitySchemes);
  const auths: Record<string, Auth> = {};
  const ids = new Map<string, readonly string[]>();
  const combined = requirementsOf(document).filter((names) => names.length > 1);
  const together = new Set(combined.flat());
  for (const names of [
    ...combined,
    ...Object.keys(schemes)
      .filter((name) => !together.has(name))
      .map((name) => [name]),
  ]) {
    const blocks = joinedBlocks(names.map((name) => blocksOf(document, schemes[name], name)));
    const own = blocks.map(({ id, auth }) => {
      const free = freeName(id, (taken) => Object.hasOwn(auths, taken));
      if (Object.keys(auths).length < 10) auths[free] = auth;
      return free;
    });
    for (const name of names) ids.set(name, [...(ids.get(name) ?? []), ...own]);
  }
  requireScopes(document, auths, ids);
  if (Object.keys(auths).length === 0) {
    document.notes.add("security", "no way to connect could be read, so that calls are made without a credential");
    auths.none = { type: "none" };
  }
  return { auths, ids };
}

function blocksOf(document: Document, value: unknown, name: string): Block[] {
  const scheme = document.resolve(value);
  const read = types[String(scheme.type)];
  if (read) return read(document, scheme, name);
  document.notes.notCarried(`securitySchemes.${name}`, `the type \`${String(scheme.type)}\` is not known`);
  return [];
}

/** Several schemes at once: keys beside the first way to connect. */
function joinedBlocks(all: readonly Block[][]): Block[] {
  const [first = [], ...others] = [...all].sort((a, b) => rank(a) - rank(b));
  const keys = others.flat().map(({ auth }) => auth);
  if (keys.length === 0) return first;
  return first.map(({ id, auth }) => ({
    id,
    auth: {
      ...auth,
      fields: [...standingFields(auth), ...keys.flatMap(standingFields)],
      apply: [...standingApply(auth), ...keys.flatMap(standingApply)],
    },
  }));
}

const rank = ([block]: readonly Block[]) => (block === undefined ? 2 : block.auth.type === "oauth2" ? 0 : 1);
const standingFields = ({ type, fields }: Auth): object[] =>
  type === "basic"
    ? [
        { name: "username", label: "User name", required: true },
        { name: "password", label: "Password", secret: true, required: true },
      ]
    : ((fields ?? []) as object[]);

const defaults: Readonly<Record<string, string>> = {
  oauth2: "Bearer {{ token.access_token }}",
  bearer: "Bearer {{ fields.token }}",
  basic: 'Basic {{ $base64(fields.username & ":" & fields.password) }}',
};

const standingApply = ({ type, apply }: Auth): object[] =>
  apply === undefined ? [{ value: defaults[String(type)] ?? "" }] : [apply as object];

/** The requirements of the whole document and of its operations, as lists of schemes. */
function requirementsOf(document: Document): string[][] {
  const operations = Object.values(nodeOf(document.root.paths)).flatMap((path) => Object.values(nodeOf(path)).filter(isNode));
  const all = [document.root.security, ...operations.map(({ security }) => security)].flatMap(listOf).filter(isNode);
  const keys = new Set(all.map((requirement) => Object.keys(requirement).sort().join("\n")));
  return [...keys].map((key) => key.split("\n").filter((name) => name !== ""));
}

/** What the whole document asks for is always asked for. */
function requireScopes(
  document: Document,
  auths: Readonly<Record<string, Auth>>,
  ids: ReadonlyMap<string, readonly string[]>,
): void {
  for (const requirement of listOf(document.root.security).filter(isNode)) {
    for (const [scheme, names] of Object.entries(requirement)) {
      for (const id of ids.get(scheme) ?? []) demand(auths[id], listOf(names).map(String));
    }
  }
}

function demand(auth: Auth | undefined, names: readonly string[]): void {
  if (auth?.type !== "oauth2" || names.length === 0) return;
  const optional = ((auth.scopes as { optional?: { name: string }[] } | undefined)?.optional ?? []) as { name: string }[];
  const required = names.map((name) => optional.find((item) => item.name === name) ?? scopeOf(name, undefined));
  const rest = optional.filter(({ name }) => !names.includes(name));
  auth.scopes = { required, optional: rest.length > 0 ? rest : undefined };
}
