import { randomBytes } from "node:crypto";
import { type ErrorRequestHandler, type RequestHandler, Router } from "express";
import { apiRouter } from "./api.ts";
import { authorizeRouter } from "./authorize.ts";
import { createCodes } from "./codes.ts";
import { createFiles } from "./files.ts";
import { OAuthError } from "./oauth-error.ts";
import { homePage } from "./pages.ts";
import { scopeNames } from "./scopes.ts";
import { createSeal, derive } from "./seal.ts";
import { createSessions } from "./session.ts";
import { style } from "./style.ts";
import { type ClientCredentials, tokenRouter } from "./token-endpoint.ts";
import { createTokens } from "./tokens.ts";

export interface SandboxOptions {
  /** The public base of the mount point without a trailing slash, such as `http://localhost:3000/sandbox`. */
  readonly url: string;
  /** At least 16 random bytes. With the same secret, the client and all sign-ins outlive a restart. Default: a new one each time. */
  readonly secret?: Buffer;
  /** Milliseconds since the epoch. Default: the system's clock. */
  readonly clock?: () => number;
}

export interface Sandbox {
  /** To be mounted where `url` points. */
  readonly router: Router;
  /** The one registered client; its redirect URLs are `oauth/callback/<name>` beside the mount point. */
  readonly client: ClientCredentials;
}

/**
 * A demonstration provider: an OAuth 2 authorization server with a sign-in page, a consent page and a small files API, so that
 * connecting, refreshing and calling can be tried without a network.
 *
 * It is for trying things out and never for production: anybody can sign in as anybody, and created files and revocations are
 * forgotten when the process ends.
 */
export function createSandbox({ url, secret = randomBytes(32), clock = Date.now }: SandboxOptions): Sandbox {
  if (secret.length < 16) throw new RangeError("The sandbox's secret must have at least 16 bytes.");
  const base = new URL(url);
  const mount = base.pathname.replace(/\/$/, "");
  const issuer = base.origin + mount;
  const client: ClientCredentials = {
    client_id: "jackfield-sandbox",
    client_secret: derive(secret, "client_secret").toString("base64url"),
  };

  const seal = createSeal(secret);
  const tokens = createTokens(seal, clock);
  const codes = createCodes(tokens, clock);
  const sessions = createSessions(seal, clock, mount || "/", base.protocol === "https:");
  const callbacks = new URL("oauth/callback/", issuer).href;

  const router = Router()
    .use(guard)
    .get("/", (_request, response) => void response.send(homePage(mount)))
    .get("/style.css", (_request, response) => void response.type("css").send(style))
    .get("/.well-known/oauth-authorization-server", (_request, response) => void response.json(metadata(issuer)))
    .use(authorizeRouter({ mount, client: { issuer, clientId: client.client_id, callbacks }, sessions, codes }))
    .use(tokenRouter({ client, codes, tokens }))
    .use("/api", apiRouter(tokens, createFiles(clock)))
    .use(refuse);
  return { router, client };
}

/** Nothing is cached, framed or sniffed, and the pages load nothing but their style sheet. */
const guard: RequestHandler = (_request, response, next) => {
  response.set({
    "Cache-Control": "no-store",
    "Content-Security-Policy":
      "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
  });
  next();
};

/** Authorization server metadata (RFC 8414 §2). */
function metadata(issuer: string): Readonly<Record<string, unknown>> {
  const methods = ["client_secret_post", "client_secret_basic"];
  return {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    revocation_endpoint: `${issuer}/revoke`,
    scopes_supported: scopeNames,
    response_types_supported: ["code"],
    response_modes_supported: ["query"],
    grant_types_supported: ["authorization_code", "refresh_token"],
    token_endpoint_auth_methods_supported: methods,
    revocation_endpoint_auth_methods_supported: methods,
    code_challenge_methods_supported: ["S256"],
    authorization_response_iss_parameter_supported: true,
  };
}

/** Refusals of our own, and of the parsers, as JSON. Anything else is the host's business. */
const refuse: ErrorRequestHandler = (error, _request, response, next) => {
  if (error instanceof OAuthError) {
    if (error.error === "invalid_client") response.set("WWW-Authenticate", 'Basic realm="sandbox"');
    response.status(error.status).json({ error: error.error, error_description: error.message });
  } else if (isClientError(error)) {
    response.status(error.status).json({ error: "invalid_request", error_description: "The request could not be read." });
  } else next(error);
};

/** The parsers' errors carry the status that they deserve. */
function isClientError(error: unknown): error is { readonly status: number } {
  const status: unknown = Object(error).status;
  return typeof status === "number" && status >= 400 && status < 500;
}
