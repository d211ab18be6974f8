// Laying the credential onto a request of the API, as the manifest says.

import type { Apply, Auth, Template } from "@jackfield/manifest";
import type { EgressRequest } from "../egress/egress.ts";
import { flatHeaders } from "../egress/headers.ts";
import { JackfieldError } from "../errors.ts";
import type { Client, Credential } from "../grant/credential.ts";
import { isBound, proofOf, sendsBearer } from "../grant/dpop.ts";
import { signRequest } from "../grant/oauth1.ts";
import type { GrantContext } from "../grant/token-endpoint.ts";
import { refuseOtherType } from "../request/body.ts";
import { type Names, text, textOf, value } from "../request/hole.ts";
import { formEntries } from "../request/parameters.ts";
import { encodeContent, withValues } from "../request/render.ts";
import { withQuery } from "../request/url.ts";
import type { Outgoing } from "./api-call.ts";
import { freshNames } from "./open.ts";

type Authorized = Pick<EgressRequest, "method" | "url" | "headers" | "body" | "upload" | "cookie">;

interface Placed {
  readonly headers: Record<string, string>;
  readonly query: [string, string][];
  readonly body: Record<string, unknown>;
  readonly path: string[];
}

const places: { readonly [In in Apply["in"]]: (placed: Placed, name: string, value: unknown) => void } = {
  header: ({ headers }, name, given) => {
    headers[name.toLowerCase()] = textOf(given, name);
  },
  query: ({ query }, name, given) => {
    query.push([name, textOf(given, name)]);
  },
  body: ({ body }, name, given) => {
    body[name] = given;
  },
  path: ({ path }, name, given) => {
    path.push(textOf(given, name));
  },
};

/** A request as it leaves. */
interface AuthorizedRequest {
  readonly request: Authorized;
  /** The headers that no redirect to another host may take along. */
  readonly secretHeaders: readonly string[];
  readonly computed: readonly string[];
  /** Where the token is bound to a key: the headers that prove it for one request. */
  readonly prove: Prover | undefined;
}

type Prover = (request: { readonly method: string; readonly url: string }) => Promise<Readonly<Record<string, string>>>;

/** Lays the credential on. Throws `expression_error`, `url_invalid`. */
export async function authorize(
  context: Pick<GrantContext, "clock" | "random" | "nonces">,
  auth: Auth,
  outgoing: Outgoing,
  names: Names,
  keys: { readonly client: Client | undefined; readonly credential: Credential | undefined },
): Promise<AuthorizedRequest> {
  const placed: Placed = { headers: {}, query: [], body: {}, path: [] };
  const computed: string[] = [];
  refuseOtherType(outgoing.content?.encoding, flatHeaders(outgoing.headers)["content-type"]);
  const plain = encodeContent(outgoing.content, context.random);
  if (auth.apply.length > 0) {
    const inReach = withRequest(context, auth, names, { outgoing, body: plain?.body });
    for (const { in: where, name, value: template } of auth.apply) {
      const credential = await value(template, inReach);
      if (credential === undefined) continue;
      places[where](placed, await nameOf(name, names), credential);
      if (typeof credential === "string" && isComputed(auth, template)) computed.push(credential, afterScheme(credential));
    }
  }
  const url = withQuery(withSegments(outgoing, placed.path), placed.query);
  const content = withValues(outgoing.content, placed.body);
  const encoded = content === outgoing.content ? plain : encodeContent(content, context.random);
  const signed = await signature(context, auth, { ...outgoing, url, content }, names, keys);
  const prove = proverOf(context, auth, keys.credential);
  const credentials = { ...placed.headers, ...signed, ...(await prove?.({ method: outgoing.method, url })) };
  return {
    request: {
      method: outgoing.method,
      url,
      headers: { ...(encoded === undefined ? {} : { "content-type": encoded.type }), ...outgoing.headers, ...credentials },
      ...bodyOf(outgoing, encoded?.body),
      ...("cookie" in placed.headers ? { cookie: true } : {}),
    },
    secretHeaders: Object.keys(credentials),
    computed,
    prove,
  };
}

function bodyOf({ body, upload }: Outgoing, encoded: Authorized["body"]): Pick<Authorized, "body" | "upload"> {
  if (upload !== undefined) return { upload };
  const given = body ?? encoded;
  return given === undefined ? {} : { body: given };
}

/** Where the token is sent as RFC 9449 §7.1 says, and not as the manifest does. */
function proverOf(
  context: Pick<GrantContext, "clock" | "random" | "nonces">,
  auth: Auth,
  credential: Credential | undefined,
): Prover | undefined {
  const { access_token: token = "", proof_key: key, token_type = "" } = credential ?? {};
  if (key === undefined || !isBound(token_type) || auth.type !== "oauth2" || !sendsBearer(auth)) return undefined;
  return async (request) => ({
    authorization: `DPoP ${token}`,
    dpop: await proofOf(context, key, { role: "api", ...request, token }),
  });
}

/** Throws `expression_error` where the user was to say it and did not. */
async function nameOf(name: Apply["name"], names: Names): Promise<string> {
  if (typeof name === "string") return name;
  const chosen = await text(name, names);
  if (chosen === undefined) throw new JackfieldError("expression_error", { detail: `"${name.source}" gives no name.` });
  return chosen;
}

const afterScheme = (credential: string) => credential.replace(/^\S+ /, "");

/**
 * Whether a value is made of secrets so that none of them can be found in it: a signature, a digest, a JSON Web Token, or a part of the
 * token's answer that is not known by itself.
 */
function isComputed(auth: Auth, { source }: Template): boolean {
  if (!/\$|\btoken\s*\.\s*raw\b/.test(source)) return false;
  const open = auth.fields.filter(({ secret }) => !secret).map(({ name }) => `fields.${name}`);
  const named = source.match(/\b(?:token|app|fields)\b(?:\.\w+)?/g) ?? [];
  return named.some((name) => name !== "app.client_id" && !open.includes(name));
}

/** The names with those of the request, which most credentials do not depend on: making them up costs more than all others. */
function withRequest(
  context: Pick<GrantContext, "clock" | "random">,
  auth: Auth,
  names: Names,
  { outgoing, body }: { readonly outgoing: Outgoing; readonly body: string | Buffer | undefined },
): Names {
  const asks = asking.get(auth) ?? auth.apply.some(({ value: { source } }) => /\brequest\b/.test(source));
  asking.set(auth, asks);
  return asks ? { ...names, request: requestNames(context, outgoing, outgoing.body ?? body) } : names;
}

const asking = new WeakMap<Auth, boolean>();

/** What a signature in `apply` may be made of. All parts of one request see the same id and time. */
function requestNames(context: Pick<GrantContext, "clock" | "random">, outgoing: Outgoing, body: string | Buffer | undefined) {
  const url = new URL(outgoing.url);
  return {
    ...freshNames(context),
    method: outgoing.method,
    url: outgoing.url,
    path: url.pathname + url.search,
    query: Object.fromEntries(url.searchParams),
    headers: flatHeaders(outgoing.headers),
    body: body === undefined ? "" : body.toString("utf8"),
  };
}

/** A credential in the path stands between the API's base and what follows. */
function withSegments({ url, base }: Outgoing, segments: readonly string[]): string {
  if (segments.length === 0) return url;
  const front = base === undefined ? undefined : new URL(base).href.replace(/\/+$/, "");
  if (front === undefined || !/^([/?#]|$)/.test(url.slice(front.length)) || !url.startsWith(front)) {
    throw new JackfieldError("url_invalid", {
      detail: "The credential stands in the path, so that only paths below `base_url` work.",
    });
  }
  // A colon is a letter like any other within a segment (RFC 3986 §3.3), and some tokens hold one.
  const inserted = segments.map((segment) => `/${encodeURIComponent(segment).replaceAll("%3A", ":")}`).join("");
  const rest = url.slice(front.length);
  // The next page's URL, as the provider gives it, may hold the credential already.
  return rest.startsWith(inserted) && /^([/?#]|$)/.test(rest.slice(inserted.length)) ? url : front + inserted + rest;
}

async function signature(
  context: Pick<GrantContext, "clock" | "random">,
  auth: Auth,
  { method, url, content }: Outgoing,
  names: Names,
  { client, credential }: { readonly client: Client | undefined; readonly credential: Credential | undefined },
): Promise<Record<string, string>> {
  if (auth.type !== "oauth1" || client === undefined) return {};
  const form = content?.encoding === "form" ? formEntries(content.value) : [];
  const keys = { client, token: credential?.access_token, secret: credential?.token_secret };
  return { authorization: await signRequest(context, auth, { method, url, form }, keys, names) };
}
