import { createHash, timingSafeEqual } from "node:crypto";
import { type Request, type RequestHandler, Router, urlencoded } from "express";
import type { Codes } from "./codes.ts";
import { OAuthError } from "./oauth-error.ts";
import { formOf, repeated } from "./parameters.ts";
import { parseScope } from "./scopes.ts";
import type { TokenAnswer, Tokens } from "./tokens.ts";

export interface ClientCredentials {
  readonly client_id: string;
  readonly client_secret: string;
}

interface Parts {
  readonly client: ClientCredentials;
  readonly codes: Codes;
  readonly tokens: Tokens;
}

/** The token endpoint (RFC 6749 §3.2) and the revocation endpoint (RFC 7009). */
export function tokenRouter({ client, codes, tokens }: Parts): Router {
  const grants: Readonly<Record<string, (form: URLSearchParams) => TokenAnswer>> = {
    authorization_code: (form) =>
      codes.exchange(needed(form, "code"), needed(form, "redirect_uri"), needed(form, "code_verifier")),
    refresh_token: (form) => {
      const text = form.get("scope");
      const scope = text === null ? undefined : parseScope(text);
      if (text !== null && scope === undefined) throw new OAuthError("invalid_scope", "A scope is unknown.");
      return tokens.refresh(needed(form, "refresh_token"), scope?.length === 0 ? undefined : scope);
    },
  };

  const token: RequestHandler = (request, response) => {
    const form = authenticated(request, client);
    const name = needed(form, "grant_type");
    const grant = Object.hasOwn(grants, name) ? grants[name] : undefined;
    if (grant === undefined) throw new OAuthError("unsupported_grant_type", "This grant_type is not supported.");
    response.json(grant(form));
  };

  const revoke: RequestHandler = (request, response) => {
    const family = tokens.familyOf(needed(authenticated(request, client), "token"));
    // Either kind of token ends the whole sign-in, and an unknown one is not an error (RFC 7009 §2.1, §2.2).
    if (family !== undefined) tokens.revoke(family);
    response.status(200).end();
  };

  const body = urlencoded({ extended: false, limit: "16kb" });
  return Router().post("/token", body, token).post("/revoke", body, revoke);
}

/** The form of a request whose client has proven itself in exactly one way (RFC 6749 §2.3). */
function authenticated(request: Request, client: ClientCredentials): URLSearchParams {
  const form = formOf(request);
  if (repeated(form) !== undefined) throw new OAuthError("invalid_request", "A parameter stands there more than once.");
  const header = basicCredentials(request.headers.authorization);
  if (header !== undefined && form.has("client_secret")) {
    throw new OAuthError("invalid_request", "The client proves itself twice: in the Authorization header and in the body.");
  }
  const given = header ?? { client_id: form.get("client_id") ?? "", client_secret: form.get("client_secret") ?? "" };
  // Both comparisons run, whatever the first one gives, so that the time tells nothing.
  const rightId = same(given.client_id, client.client_id);
  const rightSecret = same(given.client_secret, client.client_secret);
  const agrees = (form.get("client_id") ?? given.client_id) === given.client_id;
  if (!rightId || !rightSecret || !agrees) throw new OAuthError("invalid_client", "The client_id or the client_secret is wrong.");
  return form;
}

/** `Authorization: Basic`, whose two parts are form-encoded first (RFC 6749 §2.3.1). */
function basicCredentials(header: string | undefined): ClientCredentials | undefined {
  const encoded = /^basic +([A-Za-z0-9+/=]+)$/i.exec(header ?? "")?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, "base64").toString("utf8");
  const at = text.indexOf(":");
  return { client_id: formDecode(text.slice(0, at)), client_secret: formDecode(text.slice(at + 1)) };
}

function formDecode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return "";
  }
}

function same(given: string, expected: string): boolean {
  const hash = (text: string): Buffer => createHash("sha256").update(text, "utf8").digest();
  return timingSafeEqual(hash(given), hash(expected));
}

function needed(form: URLSearchParams, name: string): string {
  const value = form.get(name);
  if (value === null || value === "") throw new OAuthError("invalid_request", `The parameter ${name} is missing.`);
  return value;
}
