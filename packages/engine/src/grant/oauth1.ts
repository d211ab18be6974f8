// OAuth 1.0a (RFC 5849): temporary credentials, consent, token, and a signature on every request.

import { createHmac, createSign } from "node:crypto";
import type { OAuth1, Template } from "@jackfield/manifest";
import { JackfieldError } from "../errors.ts";
import { type Names, text } from "../request/hole.ts";
import { type Entries, renderParameters } from "../request/parameters.ts";
import { renderUrl, withQuery } from "../request/url.ts";
import type { BegunAuthorization } from "./authorization-code.ts";
import { appNames, type Client, type Credential } from "./credential.ts";
import { secretsOf } from "./secrets.ts";
import { parseTokenAnswer } from "./token-answer.ts";
import { callFreely, type GrantContext } from "./token-endpoint.ts";
import { tokenFailure } from "./token-failure.ts";

/** What is signed with: the client's secret and the token's, which is empty before there is one. */
interface Keys {
  readonly client: Client;
  readonly token: string | undefined;
  readonly secret: string | undefined;
}

/** RFC 5849 §3.6: everything but letters, digits and `-._~` is encoded. */
function encoded(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

const keyOf = ({ client, secret }: Keys) => `${encoded(client.client_secret ?? "")}&${encoded(secret ?? "")}`;

/** RFC 5849 §3.4.2 to §3.4.4. */
const methods: { readonly [M in OAuth1["signature_method"]]: (base: string, keys: Keys) => string } = {
  "HMAC-SHA1": (base, keys) => createHmac("sha1", keyOf(keys)).update(base).digest("base64"),
  "HMAC-SHA256": (base, keys) => createHmac("sha256", keyOf(keys)).update(base).digest("base64"),
  "RSA-SHA1": (base, { client }) => {
    try {
      return createSign("RSA-SHA1")
        .update(base)
        .sign(String(appNames(client).private_key ?? client.client_secret ?? ""), "base64");
    } catch (cause) {
      throw new JackfieldError("assertion_key_invalid", { detail: "The app's private key cannot be used with RSA-SHA1.", cause });
    }
  },
  PLAINTEXT: (_base, keys) => keyOf(keys),
};

export interface SignedRequest {
  readonly method: string;
  readonly url: string;
  /** The parameters of a form body, which are signed too (RFC 5849 §3.4.1.3.1). */
  readonly form?: Entries;
}

/**
 * The Authorization header of a request (RFC 5849 §3.5.1). `extra` are protocol parameters such as `oauth_callback`. Throws
 * `assertion_key_invalid`.
 */
export async function signRequest(
  context: Pick<GrantContext, "clock" | "random">,
  auth: Pick<OAuth1, "signature_method" | "realm">,
  request: SignedRequest,
  keys: Keys,
  names: Names,
  extra: Entries = [],
): Promise<string> {
  const protocol: Entries = [
    ["oauth_consumer_key", keys.client.client_id],
    ["oauth_nonce", context.random(16).toString("hex")],
    ["oauth_signature_method", auth.signature_method],
    ["oauth_timestamp", String(Math.floor(context.clock() / 1000))],
    ...(keys.token === undefined ? [] : [["oauth_token", keys.token] as const]),
    ["oauth_version", "1.0"],
    ...extra,
  ];
  const signature = methods[auth.signature_method](signatureBase(request, protocol), keys);
  const realm = auth.realm === undefined ? undefined : await text(auth.realm, names);
  const parts = [...protocol, ["oauth_signature", signature] as const].map(
    ([name, value]) => `${encoded(name)}="${encoded(value)}"`,
  );
  return `OAuth ${[...(realm === undefined ? [] : [`realm="${realm.replace(/["\\]/g, "")}"`]), ...parts].join(", ")}`;
}

/** RFC 5849 §3.4.1. */
export function signatureBase({ method, url, form = [] }: SignedRequest, protocol: Entries): string {
  const { protocol: scheme, host, pathname, searchParams } = new URL(url);
  const pairs = [...searchParams, ...form, ...protocol].map(([name, value]) => [encoded(name), encoded(value)] as const);
  const sorted = pairs.toSorted(([a, x], [b, y]) => (a === b ? compare(x, y) : compare(a, b)));
  const parameters = sorted.map(([name, value]) => `${name}=${value}`).join("&");
  return [method, `${scheme}//${host}${pathname}`, parameters].map(encoded).join("&");
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/** Asks for temporary credentials; the provider's token stands for the state (RFC 5849 §2.1, §2.2). Throws as `askForToken`. */
export async function beginSigned(
  context: GrantContext,
  auth: OAuth1,
  request: { readonly client: Client; readonly redirect_uri: string; readonly names: Names },
): Promise<BegunAuthorization> {
  const { client, names } = request;
  const keys = { client, token: undefined, secret: undefined };
  const answer = await askForToken(context, auth, auth.request_token, keys, names, [["oauth_callback", request.redirect_uri]]);
  const params = await renderParameters(auth.authorization.params, names);
  const url = withQuery(await renderUrl(auth.authorization.url, names), [["oauth_token", answer.token], ...params]);
  return { url, verifier: undefined, state: answer.token, secret: answer.secret };
}

/** Exchanges the verifier for the token (RFC 5849 §2.3). Throws as `askForToken`. */
export async function exchangeVerifier(
  context: GrantContext,
  auth: OAuth1,
  request: {
    readonly code: string;
    readonly state: string;
    readonly secret: string | undefined;
    readonly client: Client;
    readonly names: Names;
  },
): Promise<Credential> {
  const keys = { client: request.client, token: request.state, secret: request.secret };
  const { token, secret, body } = await askForToken(context, auth, auth.token, keys, request.names, [
    ["oauth_verifier", request.code],
  ]);
  return {
    access_token: token,
    refresh_token: undefined,
    token_secret: secret,
    token_type: "OAuth",
    expires_at: undefined,
    lifetime: undefined,
    scopes: undefined,
    raw: body,
  };
}

interface TokenAnswer {
  readonly token: string;
  readonly secret: string;
  readonly body: unknown;
}

/** Throws `TokenFailure`, `token_answer_invalid`, and as `callFreely`. */
async function askForToken(
  context: GrantContext,
  auth: OAuth1,
  endpoint: { readonly url: Template; readonly params: OAuth1["token"]["params"] },
  keys: Keys,
  names: Names,
  extra: Entries,
): Promise<TokenAnswer> {
  const url = withQuery(await renderUrl(endpoint.url, names), await renderParameters(endpoint.params, names));
  const authorization = await signRequest(context, auth, { method: "POST", url }, keys, names, extra);
  const rendered = { method: "POST", url, base: undefined, headers: { accept: "*/*", authorization }, content: undefined };
  const { answer, redact } = await callFreely(context, rendered, [
    ...secretsOf(auth, { client: keys.client, names }),
    keys.secret,
  ]);
  const body = parseTokenAnswer(answer);
  const { oauth_token: token, oauth_token_secret: secret } = (typeof body === "object" && body !== null ? body : {}) as Record<
    string,
    unknown
  >;
  const good = answer.status >= 200 && answer.status <= 299;
  if (!good) {
    const said = typeof body === "string" ? redact(body).slice(0, 2000) : undefined;
    const refused = [400, 401, 403].includes(answer.status) ? "configuration" : undefined;
    throw tokenFailure({ status: answer.status, ...(said === undefined ? {} : { error: said }) }, undefined, refused);
  }
  if (typeof token !== "string" || typeof secret !== "string" || token === "") {
    throw new JackfieldError("token_answer_invalid", { provider: { status: answer.status } });
  }
  return { token, secret, body };
}
