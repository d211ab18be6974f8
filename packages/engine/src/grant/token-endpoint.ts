import type { OAuth2, Parameters, Template } from "@jackfield/manifest";
import type { Egress, EgressAnswer } from "../egress/egress.ts";
import { createRedactor } from "../egress/redact.ts";
import { JackfieldError, type ProviderWords } from "../errors.ts";
import { evaluate, type Names } from "../request/hole.ts";
import { type Entries, formEncode, overlay, renderParameters } from "../request/parameters.ts";
import { retryAfter } from "../request/retry-after.ts";
import { renderUrl } from "../request/url.ts";
import { clientAuthentications } from "./client-authentication.ts";
import type { Client, Credential } from "./credential.ts";
import { parseTokenAnswer } from "./token-answer.ts";
import { tokenFailure } from "./token-failure.ts";

/** What grants need from outside. */
export interface GrantContext {
  readonly egress: Egress;
  readonly random: (bytes: number) => Buffer;
}

const timeout = 30_000;
const maxBytes = 1 << 20;
/** More does not fit into the headers that common servers take. */
const maxTokenBytes = 16 * 1024;

const encodings: Record<OAuth2["token"]["encoding"], { readonly type: string; encode(entries: Entries): string }> = {
  form: { type: "application/x-www-form-urlencoded", encode: formEncode },
  json: { type: "application/json", encode: (entries) => JSON.stringify(Object.fromEntries(entries)) },
};

/** A request to an endpoint of the authorization server: what the engine sends, and what the manifest lays over it. */
export interface EndpointRequest {
  readonly url: Template;
  readonly params: Parameters;
  readonly entries: Entries;
  readonly client: Client;
  readonly names: Names;
}

/**
 * The only way to the token and revocation endpoints (RFC 6749 §3.2, RFC 7009 §2.1): authenticates the client in exactly one way. No
 * redirect is ever followed, so that the secret goes to the URL that the manifest names and nowhere else. Throws `provider_timeout`,
 * `provider_unavailable`, …
 */
export async function callEndpoint(
  context: GrantContext,
  auth: OAuth2,
  request: EndpointRequest,
): Promise<{ readonly answer: EgressAnswer; readonly redact: (text: string) => string }> {
  const { client, names } = request;
  const proof = clientAuthentications[auth.client.authentication](client);
  const entries = await overlay([...request.entries, ...proof.params], request.params, names);
  const encoding = encodings[auth.token.encoding];
  const headers: Record<string, string> = { accept: "application/json", "content-type": encoding.type };
  for (const [name, value] of await renderParameters(auth.token.headers, names)) headers[name.toLowerCase()] = value;
  const answer = await context.egress.send({
    method: "POST",
    url: await renderUrl(request.url, names),
    headers: { ...headers, ...proof.headers },
    body: encoding.encode(entries),
    timeout,
    maxBytes,
    redirects: "none",
  });
  // The whole of HTTP Basic too: a provider that echoes it gives the secret away together with the id before it.
  const basic = proof.headers.authorization ?? "";
  const sent = [...entries.map(([, value]) => value), client.client_secret ?? "", basic, basic.replace(/^Basic /, "")];
  return { answer, redact: createRedactor(sent.filter((value) => value.length >= 8)) };
}

/**
 * A token request; every grant is a set of parameters for it. Throws `TokenFailure` for what the provider refuses,
 * `token_answer_invalid` for a token that cannot be used, and as `callEndpoint`.
 */
export async function requestToken(
  context: GrantContext,
  auth: OAuth2,
  request: Omit<EndpointRequest, "entries"> & { readonly grant: Entries },
): Promise<Credential> {
  const target = await renderParameters({ audience: auth.audience ?? null, resource: auth.resource ?? null }, request.names);
  const { answer, redact } = await callEndpoint(context, auth, { ...request, entries: [...request.grant, ...target] });
  return readAnswer(auth, answer, redact);
}

async function readAnswer(auth: OAuth2, answer: EgressAnswer, redact: (text: string) => string): Promise<Credential> {
  const body = parseTokenAnswer(answer);
  const read = async (key: keyof OAuth2["token"]["response"]): Promise<unknown> =>
    body === undefined ? undefined : evaluate(auth.token.response[key], body);

  const accessToken = await read("access_token");
  const error = await read("error");
  const failed = isPresent(error);
  if (answer.status < 200 || answer.status > 299 || failed || typeof accessToken !== "string" || accessToken === "") {
    const description = await read("error_description");
    throw tokenFailure(words(answer.status, error, description, body, redact), retryAfter(answer));
  }
  const refreshToken = await read("refresh_token");
  refuseUnusable("access token", accessToken, answer);
  refuseUnusable("refresh token", refreshToken, answer);
  const lifetime = lifetimeOf(await read("expires_in"), auth);
  const tokenType = await read("token_type");
  return {
    access_token: accessToken,
    refresh_token: typeof refreshToken === "string" && refreshToken !== "" ? refreshToken : undefined,
    token_type: typeof tokenType === "string" && tokenType !== "" ? tokenType : "Bearer",
    // Counted from when the request was sent: the provider's clock began no earlier.
    expires_at: lifetime === undefined ? undefined : answer.sentAt + lifetime,
    lifetime,
    scopes: scopesOf(await read("scope")),
  };
}

/**
 * A token that cannot be sent in a header or be stored is worse than none: it must not take the place of one that works. The failure is
 * no `TokenFailure`, as these are not the provider's words; a refresh takes it as one that is tried again.
 */
function refuseUnusable(what: string, token: unknown, answer: EgressAnswer): void {
  if (typeof token !== "string") return;
  const fault =
    Buffer.byteLength(token, "utf8") > maxTokenBytes
      ? "is longer than 16 KB"
      : /[\p{Cc}\p{Cs}]/u.test(token) // With the flag u, \p{Cs} finds only halves of surrogate pairs.
        ? "holds characters that no token may hold"
        : undefined;
  if (fault === undefined) return;
  throw new JackfieldError("token_answer_invalid", {
    detail: `The provider answered with a token that cannot be used: the ${what} ${fault}.`,
    provider: { status: answer.status },
  });
}

function isPresent(error: unknown): boolean {
  return (
    error !== undefined && error !== null && error !== "" && error !== false && !(Array.isArray(error) && error.length === 0)
  );
}

/** Milliseconds. A number, or a text that is one; nonsense counts as unknown. */
function lifetimeOf(expiresIn: unknown, auth: OAuth2): number | undefined {
  const seconds = typeof expiresIn === "string" && expiresIn.trim() !== "" ? Number(expiresIn) : expiresIn;
  if (typeof seconds === "number" && Number.isFinite(seconds) && seconds > 0)
    return Math.min(seconds * 1000, 10 * 365 * 86_400_000);
  const fallback = auth.refresh.default_lifetime;
  return typeof fallback === "number" ? fallback : undefined;
}

/** Providers answer with spaces, commas or a list, whatever they were asked with. */
function scopesOf(scope: unknown): readonly string[] | undefined {
  const items = typeof scope === "string" ? scope.split(/[\s,]+/) : Array.isArray(scope) ? scope : undefined;
  const names = items?.filter((item): item is string => typeof item === "string" && item !== "");
  return names === undefined || names.length === 0 ? undefined : names;
}

function words(
  status: number,
  error: unknown,
  description: unknown,
  body: unknown,
  redact: (text: string) => string,
): ProviderWords {
  const text = (value: unknown): string | undefined => {
    if (typeof value === "string") return value === "" ? undefined : redact(value).slice(0, 2000);
    if (typeof value === "number" || typeof value === "object")
      return isPresent(value) ? redact(JSON.stringify(value)).slice(0, 2000) : undefined;
    return undefined;
  };
  const uri = body !== null && typeof body === "object" && "error_uri" in body ? text(body.error_uri) : undefined;
  const said = text(error);
  const described = text(description);
  return {
    status,
    ...(said === undefined ? {} : { error: said }),
    ...(described === undefined ? {} : { error_description: described }),
    ...(uri === undefined ? {} : { error_uri: uri }),
  };
}
