// Definitions in the format of Nango's providers.yaml, as manifests.

import { type Compilation, compile } from "@jackfield/manifest";
import { connectorName, shortened } from "./identifier.ts";
import { manifestText } from "./manifest-text.ts";
import { captureLists } from "./nango/captures.ts";
import { Draft, type Entry } from "./nango/draft.ts";
import { identity } from "./nango/identity.ts";
import { type Mode, readMode } from "./nango/modes.ts";
import { type Api, filled, readApi } from "./nango/proxy.ts";
import { repair } from "./nango/repair.ts";
import type { Apply } from "./nango/sent.ts";
import { Inexpressible, type Note } from "./note.ts";

export interface Imported {
  /** The key of the source. */
  readonly provider: string;
  readonly name: string;
  /** The manifest's text; undefined if there is none, for the reason that is given. */
  readonly text: string | undefined;
  readonly reason: string | undefined;
  readonly notes: readonly Note[];
}

/** Keys that tell people, or this importer, something, and are no part of a manifest. */
const silent = new Set(["alias", "auth_mode", "proxy", "display_name", "connection_config", "credentials", "assertion_option"]);

const reasons: Readonly<Record<string, string>> = {
  docs: "it documents the other system",
  docs_connect: "it documents the other system",
  setup_guide_url: "it documents the other system",
  post_connection_script: "a script; what it finds belongs under `after_connect`",
  pre_connection_deletion_script: "a script; what it does belongs under `revocation`",
  credentials_verification_script: "a script; `test` does it",
  webhook_routing_script: "a script; webhooks are declared under `triggers` and `services`",
};

/** Resolves `alias`. Throws `Inexpressible`. */
export function resolveAlias(catalogue: Readonly<Record<string, Entry>>, provider: string): Entry {
  const entry = catalogue[provider] ?? {};
  if (typeof entry.alias !== "string") return entry;
  const base = catalogue[entry.alias];
  if (!base) throw new Inexpressible(`it is an alias of \`${entry.alias}\`, which is not there`);
  if (base.alias !== undefined) throw new Inexpressible(`it is an alias of \`${entry.alias}\`, which is one itself`);
  return { ...base, ...entry, proxy: { ...(base.proxy as object), ...(entry.proxy as object) } };
}

/** One entry as a manifest; whatever could not be carried over stands in the notes. Never throws for what the entry says. */
export function importNango(catalogue: Readonly<Record<string, Entry>>, provider: string): Imported {
  const name = connectorName(provider);
  const failed = (reason: string, notes: readonly Note[] = []): Imported => ({ provider, name, text: undefined, reason, notes });
  let draft: Draft | undefined;
  try {
    draft = new Draft(name, resolveAlias(catalogue, provider));
    const { text, errors } = validText(manifestOf(draft, provider), draft);
    const { notes } = draft;
    if (errors.length > 0) return failed(`the manifest would not be valid: ${errors.join(" ")}`, notes.all);
    return { provider, name, text, reason: undefined, notes: notes.all };
  } catch (error) {
    if (error instanceof Inexpressible) return failed(error.message, draft?.notes.all);
    throw error;
  }
}

const mostRepairs = 3;

/** The manifest's text, without what is wrong and can be spared; `errors` say what is still wrong. */
function validText(manifest: object, { name, notes }: Draft): { text: string; errors: string[] } {
  for (let round = 0; ; round++) {
    const text = manifestText(manifest);
    const { problems }: Compilation = compile(text, { file: "connector.yaml", folder: name });
    const errors = problems.filter(({ severity }) => severity === "error");
    if (errors.length > 0 && round < mostRepairs && repair(manifest as Record<string, unknown>, errors, notes)) continue;
    return { text, errors: errors.map(({ path, message }) => `${path}: ${message}`) };
  }
}

function manifestOf(draft: Draft, provider: string): object {
  const { name, notes } = draft;
  if (name !== provider) notes.add("name", `\`${provider}\` cannot be a connector's name; \`${name}\` is`);
  for (const key of silent) draft.take(key);
  const mode = readMode(draft);
  const api = readApi(draft);
  const apply = applied(draft, mode, api);
  const { apply: _own, ...auth } = withOwnClient(draft, withCaptures(draft, mode.auth));
  const title = shortened(draft.takeText("display_name") ?? provider, 100);
  const known = identity(draft, auth, title);
  const categories = draft.take("categories");
  const block = {
    ...auth,
    fields: fieldsOf(draft),
    apply,
    test: api.test,
    label: known.label,
    unique_id: known.uniqueId,
    whitelist: api.whitelist,
    default_params: filled(api.defaults),
  };
  for (const key of draft.untaken) notes.notCarried(key, reasons[key]);
  return {
    manifest: 1,
    name,
    title,
    categories: Array.isArray(categories)
      ? categories.slice(0, 10).map((category) => shortened(String(category), 40))
      : undefined,
    base_url: api.baseUrl,
    auth: { [mode.id]: block },
    rate_limit: api.rateLimit,
  };
}

/** Where everybody names a server of their own, everybody brings the client of that server. */
function withOwnClient(draft: Draft, auth: Mode["auth"]): Mode["auth"] {
  const client = (auth.client ?? {}) as { source?: string };
  const host = draft.fields.openTokenHost;
  if (auth.type !== "oauth2" || client.source !== undefined || host === undefined) return auth;
  draft.notes.add(
    `${host.source}.${host.key}`,
    "names the server, so that each person brings the client of that server, not the admin",
  );
  return { ...auth, client: { source: "connection", ...client } };
}

/** Where captured values stand in URLs is known when everything else has been read. */
function withCaptures(draft: Draft, auth: Mode["auth"]): Mode["auth"] {
  const [token, callback] = (["token", "callback"] as const).map((source) => draft.captures.manifest(source));
  for (const { source } of draft.captures.all) draft.take(captureLists[source]);
  return {
    ...auth,
    ...(callback !== undefined &&
      auth.grant === "authorization_code" && { callback: { ...(auth.callback as object), capture: callback } }),
    ...(token !== undefined && auth.token !== undefined && { token: { ...(auth.token as object), capture: token } }),
  };
}

/** Where the credential goes. The type's own default needs no mention. */
function applied(draft: Draft, { auth, authorization }: Mode, { apply }: Api): object | readonly object[] | undefined {
  const items: Apply[] = [...apply];
  const hasHeader = items.some(({ name }) => name === "Authorization");
  const isSent = /\$\{(accessToken|token|sessionId|credentials\.(token|accessToken|access_token))\}/.test(sentTexts(draft));
  if (isSent && !hasHeader)
    draft.notes.add("proxy.headers", "the token goes where the definition names it, and not into Authorization too");
  if (auth.apply !== undefined) items.unshift(auth.apply as Apply);
  else if (!hasHeader && !isSent) items.unshift(...standing(auth, authorization, items.length > 0));
  if (items.length === 0 && auth.type === "api_key") {
    draft.notes.add("proxy.headers", "nothing says where the key goes; Authorization: Bearer is assumed");
  }
  return items.length > 1 ? items : items[0];
}

/** `Authorization`, where the type's own default does not hold or other headers would push it out. */
function standing({ type, token }: Mode["auth"], authorization: string | undefined, hasOthers: boolean): Apply[] {
  if (authorization !== undefined) return [{ value: authorization }];
  const hasToken = type === "oauth2" || (type === "custom" && token !== undefined);
  const value = hasToken ? "Bearer {{ token.access_token }}" : basicDefault(type);
  return hasOthers && value !== undefined ? [{ value }] : [];
}

/** The texts of the source that say what is sent with every call. */
function sentTexts({ entry }: Draft): string {
  const { headers, query, body, base_url } = (entry.proxy ?? {}) as Record<string, unknown>;
  return JSON.stringify([headers, query, body, base_url]);
}

const basicDefault = (type: unknown) =>
  type === "basic" ? 'Basic {{ $base64(fields.username & ":" & fields.password) }}' : undefined;

function fieldsOf(draft: Draft): object[] | undefined {
  const fields = draft.fields.manifest();
  return fields.length > 0 ? fields : undefined;
}
