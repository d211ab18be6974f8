// @ts-check
/*
 * A real authorization server (the package oidc-provider) and a small API behind it, in a process of its own. It prints its port
 * as one line of JSON. Everything under /control is for the tests: switches, counters, and the log of the requests it has seen.
 */

import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { calculateJwkThumbprint, decodeProtectedHeader, EmbeddedJWK, jwtVerify } from "jose";
import { Provider } from "oidc-provider";

/** @typedef {{ status: number, body: string, times: number, type?: string, headers?: Record<string, string> }} Failure */
/**
 * @typedef {{
 *   access_token_ttl: number, token_delay_ms: number, token_fail: Failure | null, token_drop: number,
 *   api_unauthorized: number, api_fail: Failure | null, me: Record<string, unknown>, refuse_refresh: boolean,
 *   keep_refresh_token: boolean, revocation_fail: Failure | null, api_delay_ms: number,
 *   par: "off" | "offered" | "required", par_fail: Failure | null, dpop: boolean, dpop_nonce: boolean, dpop_unaware: boolean,
 *   metadata_fail: Failure | null, device_code_ttl: number
 * }} Switches
 */
/** @typedef {import("node:http").IncomingMessage} Incoming */
/** @typedef {import("node:http").ServerResponse} Outgoing */

/** @returns {Switches} */
const defaults = () => ({
  // Seconds that an access token lives.
  access_token_ttl: 3600,
  token_delay_ms: 0,
  // Answers the next token requests with this instead.
  token_fail: null,
  // Carries out the next token requests, but cuts the line before the answer.
  token_drop: 0,
  // Answers the next API requests with 401, whatever the token.
  api_unauthorized: 0,
  api_fail: null,
  // Replaces members of what /api/me tells.
  me: {},
  // Answers every refresh with invalid_grant.
  refuse_refresh: false,
  // Turns rotation off.
  keep_refresh_token: false,
  // Answers the next revocations with this instead.
  revocation_fail: null,
  // How much later API requests are answered.
  api_delay_ms: 0,
  // Whether authorization requests can be pushed (RFC 9126), or must be.
  par: "off",
  // Answers the next pushed requests with this instead.
  par_fail: null,
  // Whether tokens can be bound to keys (RFC 9449); then the API takes bound tokens with their proof only.
  dpop: false,
  // Whether proofs must hold a nonce.
  dpop_nonce: false,
  // The API knows of no keys: every token is a plain one to it.
  dpop_unaware: false,
  // Answers requests for the metadata with this instead.
  metadata_fail: null,
  // Seconds that a code for another device lives.
  device_code_ttl: 600,
});

/** @type {Record<string, { id: string, name: string, email: string }>} */
const accounts = {
  ada: { id: "acct-1815", name: "Ada Lovelace", email: "ada@example.test" },
  alan: { id: "acct-1912", name: "Alan Turing", email: "alan@example.test" },
  // Whom a client is that asks in its own name.
  client: { id: "org-42", name: "Example GmbH", email: "office@example.test" },
  eve: { id: "acct-<b>0</b>", name: "<img src=x onerror=alert(1)>Eve", email: "eve@example.test" },
};

let switches = defaults();
/** @type {Record<string, unknown>[]} */
let log = [];
/** @type {{ access_tokens: string[], refresh_tokens: string[], codes: string[], device_codes: string[], client_secrets: string[] }} */
const issued = { access_tokens: [], refresh_tokens: [], codes: [], device_codes: [], client_secrets: [] };
/** Tokens that were made invalid without telling the server behind. @type {Set<string>} */
const invalidated = new Set();
/** API keys that the keyed part of the API takes. @type {Set<string>} */
const apiKeys = new Set();

/* ---- what oidc-provider stores ---- */

/** @type {Map<string, { payload: Record<string, any>, until: number }>} */
const stored = new Map();

/** @param {string} model */
function adapter(model) {
  /** @param {string} id */
  const key = (id) => `${model}:${id}`;
  /** @param {string} id */
  const find = async (id) => {
    const entry = stored.get(key(id));
    return entry && entry.until > Date.now() ? entry.payload : undefined;
  };
  /** @param {string} member @param {string} value */
  const findBy = async (member, value) => {
    for (const [name, entry] of stored) if (name.startsWith(`${model}:`) && entry.payload[member] === value) return entry.payload;
    return undefined;
  };
  return {
    find,
    /** @param {string} uid */
    findByUid: (uid) => findBy("uid", uid),
    /** @param {string} code */
    findByUserCode: (code) => findBy("userCode", code),
    /** @param {string} id @param {Record<string, any>} payload @param {number} [expiresIn] */
    async upsert(id, payload, expiresIn) {
      // Longer than told, so that "expired" and "unknown" can be told apart as with a database that is cleaned at night.
      stored.set(key(id), { payload, until: expiresIn ? Date.now() + (expiresIn + 600) * 1000 : Number.POSITIVE_INFINITY });
    },
    /** @param {string} id */
    async consume(id) {
      const entry = stored.get(key(id));
      if (entry) entry.payload.consumed = Math.floor(Date.now() / 1000);
    },
    /** @param {string} id */
    async destroy(id) {
      stored.delete(key(id));
    },
    /** @param {string} grantId */
    async revokeByGrantId(grantId) {
      for (const [name, entry] of stored)
        if (name.startsWith(`${model}:`) && entry.payload.grantId === grantId) stored.delete(name);
    },
  };
}

/* ---- answers ---- */

/** @param {Outgoing} response @param {number} status @param {unknown} body @param {Record<string, string>} [headers] */
function json(response, status, body, headers = {}) {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify(body));
}

/** @param {Outgoing} response @param {string} title @param {string} form */
function page(response, title, form) {
  response.writeHead(200, { "content-type": "text/html; charset=utf-8", "cross-origin-opener-policy": "same-origin" });
  response.end(`<!doctype html><title>${title}</title><h1>${title}</h1>${form}`);
}

/** @param {Incoming} request */
async function read(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** @param {number} milliseconds */
const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/* ---- sign-in and consent ---- */

/** @param {Provider} provider @param {Incoming} request @param {Outgoing} response @param {string} body */
async function interaction(provider, request, response, body) {
  const details = await provider.interactionDetails(request, response);
  const { uid, prompt, params } = details;
  if (request.method !== "POST") {
    const fields =
      prompt.name === "login" ? `<label>Account <input name="account" value=""></label>` : `<p>${params.client_id} asks.</p>`;
    page(
      response,
      prompt.name === "login" ? "Sign in" : "Allow access",
      `<form method="post" action="/interaction/${uid}">${fields}
       <button name="decision" value="allow">Allow</button><button name="decision" value="deny">Deny</button></form>`,
    );
    return;
  }
  const form = new URLSearchParams(body);
  const finish = /** @param {Record<string, unknown>} result */ (result) =>
    provider.interactionFinished(request, response, result, { mergeWithLastSubmission: prompt.name === "consent" });
  if (form.get("decision") === "deny") {
    const error_description = "The person <said> no";
    await finish({ error: "access_denied", error_description });
    return;
  }
  if (prompt.name === "login") {
    await finish({ login: { accountId: form.get("account") ?? "ada" } });
    return;
  }
  const accountId = details.session?.accountId ?? "ada";
  const known = details.grantId ? await provider.Grant.find(details.grantId) : undefined;
  const grant = known ?? new provider.Grant({ accountId, clientId: String(params.client_id) });
  if (prompt.details.missingOIDCScope) grant.addOIDCScope(prompt.details.missingOIDCScope.join(" "));
  await finish({ consent: { grantId: await grant.save() } });
}

/** A page of the sign-in on another device: the library's form, with buttons in it. @param {string} title @param {string} buttons */
const devicePage = (title, buttons) => async (/** @type {any} */ ctx, /** @type {string} */ form) => {
  ctx.body = `<!doctype html><title>${title}</title><h1>${title}</h1>${form.replace("</form>", `${buttons}</form>`)}`;
};

const deviceFlow = {
  enabled: true,
  userCodeInputSource: devicePage("Enter the code", '<button name="go" value="on">Continue</button>'),
  userCodeConfirmSource: devicePage(
    "Is this the code?",
    '<button name="go" value="on">Continue</button><button name="abort" value="yes">No</button>',
  ),
  successSource: async (/** @type {any} */ ctx) => {
    ctx.body = "<!doctype html><title>Done</title><h1>You may close this page</h1>";
  },
};

/* ---- the API ---- */

/** @typedef {{ request: Incoming, response: Outgoing, url: URL, body: Buffer, account: string, token: string }} Call */

/** @type {Record<string, (call: Call) => unknown>} */
const api = {
  "/api/me": ({ response, account }) => json(response, 200, { ...accounts[account], ...switches.me }),
  "/api/items": ({ request, response, url, body }) => {
    const limit = Number(url.searchParams.get("limit") ?? 3);
    const items = Array.from({ length: Math.min(limit, 100) }, (_, index) => ({
      id: `item-${index + 1}`,
      name: `Item ${index + 1}`,
    }));
    if (request.method === "POST") return json(response, 201, { id: "item-new", ...JSON.parse(body.toString() || "{}") });
    return json(response, 200, { items });
  },
  "/api/slow": async ({ response, url }) => {
    await pause(Number(url.searchParams.get("ms") ?? 1000));
    json(response, 200, { slept: true });
  },
  "/api/echo": ({ request, response, url, body }) => {
    const { authorization: _, ...headers } = request.headers;
    json(response, 200, { method: request.method, path: url.pathname, query: url.search, headers, body: body.toString() });
  },
  "/api/leak": ({ response, token }) =>
    json(response, 400, { error: "bad_request", error_description: `The token ${token} is not good enough` }),
  "/api/redirect": ({ response, url }) => {
    response.writeHead(Number(url.searchParams.get("status") ?? 302), { location: url.searchParams.get("to") ?? "/" });
    response.end();
  },
  "/api/status": ({ response, url }) =>
    json(response, Number(url.searchParams.get("code") ?? 200), { error: "as_asked", message: "The provider's own words." }),
  "/api/big": ({ response, url }) => {
    response.writeHead(200, { "content-type": "text/plain" });
    response.end(Buffer.alloc(Number(url.searchParams.get("bytes") ?? 1000), "x"));
  },
};

/** Whose token it is. @param {Provider} provider @param {string} token @returns {Promise<{ accountId: string, jkt?: string } | undefined>} */
async function find(provider, token) {
  const personal = await provider.AccessToken.find(token);
  if (personal) return personal;
  const own = await provider.ClientCredentials.find(token);
  return own && { accountId: "client", ...(own.jkt ? { jkt: own.jkt } : {}) };
}

const apiNonce = "a-nonce-of-the-api";
/** Proofs that were used. @type {Set<unknown>} */
const proofs = new Set();

/**
 * What is wrong with the way in which a token is sent (RFC 9449 §4.3, §7.1).
 * @param {{ jkt?: string }} found @param {string} scheme @param {string} token @param {Incoming} request @param {URL} url
 */
async function judgeBinding(found, scheme, token, request, url) {
  if (switches.dpop_unaware || !found.jkt) return scheme === "Bearer" ? undefined : "invalid_token";
  if (scheme !== "DPoP") return "invalid_token";
  const proof = String(request.headers.dpop ?? "");
  try {
    const { payload } = await jwtVerify(proof, EmbeddedJWK, { typ: "dpop+jwt", algorithms: ["ES256"], maxTokenAge: 60 });
    const { jwk } = decodeProtectedHeader(proof);
    const fits =
      (await calculateJwkThumbprint(/** @type {import("jose").JWK} */ (jwk))) === found.jkt &&
      !("d" in (jwk ?? {})) &&
      payload.htm === request.method &&
      payload.htu === `${issuer()}${url.pathname}` &&
      payload.ath === createHash("sha256").update(token).digest("base64url") &&
      typeof payload.jti === "string" &&
      !proofs.has(payload.jti);
    proofs.add(payload.jti);
    if (!fits) return "invalid_dpop_proof";
    return switches.dpop_nonce && payload.nonce !== apiNonce ? "use_dpop_nonce" : undefined;
  } catch {
    return "invalid_dpop_proof";
  }
}

/** @param {Provider} provider @param {Incoming} request @param {Outgoing} response @param {URL} url @param {Buffer} body */
async function resource(provider, request, response, url, body) {
  if (switches.api_delay_ms > 0) await pause(switches.api_delay_ms);
  if (switches.api_unauthorized > 0) {
    switches.api_unauthorized -= 1;
    json(response, 401, { error: "invalid_token" }, { "www-authenticate": 'Bearer error="invalid_token"' });
    return;
  }
  if (switches.api_fail && switches.api_fail.times > 0) {
    switches.api_fail.times -= 1;
    fail(response, switches.api_fail);
    return;
  }
  const [, scheme = "", token = ""] = /^(Bearer|DPoP) (\S+)$/.exec(request.headers.authorization ?? "") ?? [];
  const found = invalidated.has(token) ? undefined : await find(provider, token);
  const refusal = found ? await judgeBinding(found, scheme, token, request, url) : "invalid_token";
  if (!found || refusal) {
    const nonce = refusal === "use_dpop_nonce" ? { "dpop-nonce": apiNonce } : {};
    json(
      response,
      401,
      { error: refusal, error_description: "The access token is unknown or has expired" },
      { "www-authenticate": `${switches.dpop && !switches.dpop_unaware ? "DPoP" : "Bearer"} error="${refusal}"`, ...nonce },
    );
    return;
  }
  const answer = api[url.pathname] ?? (url.pathname.startsWith("/api/items/") ? api["/api/echo"] : undefined);
  if (answer) await answer({ request, response, url, body, account: found.accountId, token });
  else json(response, 404, { error: "not_found", message: "No such thing." });
}

/** The part of the API that takes a key. @param {Incoming} request @param {Outgoing} response @param {URL} url @param {Buffer} body */
async function keyed(request, response, url, body) {
  if (switches.api_delay_ms > 0) await pause(switches.api_delay_ms);
  const key = String(request.headers["x-api-key"] ?? url.searchParams.get("key") ?? "");
  const basic = Buffer.from(/^Basic (\S+)$/.exec(request.headers.authorization ?? "")?.[1] ?? "", "base64").toString();
  const bearer = /^Bearer (\S+)$/.exec(request.headers.authorization ?? "")?.[1] ?? "";
  const known = [key, basic.slice(basic.indexOf(":") + 1), bearer].find((text) => text !== "" && apiKeys.has(text));
  if (!known) {
    json(response, 401, { error: "bad_key", message: `The key ${key} is unknown` });
    return;
  }
  const path = url.pathname.replace("/keyed/", "/api/");
  const answer = api[path];
  if (answer) await answer({ request, response, url, body, account: "ada", token: known });
  else json(response, 404, { error: "not_found" });
}

/** @param {Outgoing} response @param {Failure} failure */
function fail(response, failure) {
  response.writeHead(failure.status, { "content-type": failure.type ?? "application/json", ...failure.headers });
  response.end(failure.body);
}

/* ---- the token endpoint ---- */

/** Keeps what the server answers, so that tests know which secrets to look for. @param {Outgoing} response @param {boolean} drop */
function capture(response, drop) {
  const end = response.end.bind(response);
  response.end = /** @type {typeof response.end} */ (
    (/** @type {any} */ chunk, /** @type {any[]} */ ...rest) => {
      try {
        const answer = JSON.parse(String(chunk));
        if (answer.access_token) issued.access_tokens.push(answer.access_token);
        if (answer.refresh_token) issued.refresh_tokens.push(answer.refresh_token);
        if (answer.device_code) issued.device_codes.push(answer.device_code);
        if (answer.client_secret) issued.client_secrets.push(answer.client_secret);
      } catch {
        // Not JSON: nothing to keep.
      }
      if (drop) {
        response.destroy();
        return response;
      }
      return end(chunk, ...rest);
    }
  );
}

/** @param {Provider} provider @param {Incoming} request @param {Outgoing} response @param {string} body */
async function token(provider, request, response, body) {
  const grantType = new URLSearchParams(body).get("grant_type");
  if (switches.token_delay_ms > 0) await pause(switches.token_delay_ms);
  if (switches.token_fail && switches.token_fail.times > 0) {
    switches.token_fail.times -= 1;
    fail(response, switches.token_fail);
    return;
  }
  if (switches.refuse_refresh && grantType === "refresh_token") {
    json(response, 400, { error: "invalid_grant", error_description: "The refresh token was revoked" });
    return;
  }
  const drop = switches.token_drop > 0;
  if (drop) switches.token_drop -= 1;
  capture(response, drop);
  await provider.callback()(request, response);
}

/** A switch that answers in the place of an endpoint. @param {Failure | null} failure @param {Outgoing} response */
function failed(failure, response) {
  if (!failure || failure.times <= 0) return false;
  failure.times -= 1;
  fail(response, failure);
  return true;
}

/* ---- control ---- */

/** @type {Record<string, (body: any) => unknown>} */
const control = {
  "GET /control/log": () => log,
  "POST /control/forget": () => {
    log = [];
    return {};
  },
  "POST /control/reset": () => {
    switches = defaults();
    log = [];
    return {};
  },
  "POST /control/set": (body) => {
    switches = { ...switches, ...body };
    return switches;
  },
  "POST /control/client": (body) => {
    stored.set(`Client:${body.client_id}`, { payload: body, until: Number.POSITIVE_INFINITY });
    return {};
  },
  "POST /control/api-key": (body) => {
    apiKeys.add(body.key);
    return {};
  },
  // Access tokens stop to work before their time; refresh tokens stay as they are.
  "POST /control/invalidate": () => {
    for (const value of issued.access_tokens) invalidated.add(value);
    return {};
  },
  // Somebody withdrew the app's access in the provider's own settings.
  "POST /control/revoke": () => {
    for (const name of stored.keys()) if (/^(Grant|AccessToken|RefreshToken|Session):/.test(name)) stored.delete(name);
    return {};
  },
  "GET /control/issued": () => issued,
};

/* ---- one server ---- */

/** One server for each set of features; they share what is stored, so that a switch can be thrown at any time. @type {Map<string, Provider>} */
const providers = new Map();

function current() {
  const { par, dpop } = switches;
  const key = `${par} ${dpop}`;
  const provider = providers.get(key) ?? createProvider(par, dpop);
  providers.set(key, provider);
  return provider;
}

/** @param {Incoming} request @param {Outgoing} response */
async function serve(request, response) {
  const provider = current();
  const url = new URL(request.url ?? "/", issuer());
  const body = await read(request);
  if (url.pathname.startsWith("/control/")) {
    const answer = control[`${request.method} ${url.pathname}`];
    return answer ? json(response, 200, answer(body.length > 0 ? JSON.parse(body.toString()) : {})) : json(response, 404, {});
  }
  /** @type {Record<string, unknown>} */
  const entry = {
    at: Date.now(),
    method: request.method,
    path: url.pathname,
    target: request.url,
    query: Object.fromEntries(url.searchParams),
    headers: request.headers,
    body: body.toString(),
  };
  log.push(entry);
  response.on("finish", () => {
    entry.status = response.statusCode;
    const code = /[?&]code=([^&]+)/.exec(String(response.getHeader("location") ?? ""))?.[1];
    if (code) issued.codes.push(decodeURIComponent(code));
  });
  if (url.pathname.startsWith("/api/")) return resource(provider, request, response, url, body);
  if (url.pathname.startsWith("/keyed/")) return keyed(request, response, url, body);
  if (url.pathname.startsWith("/interaction/")) return interaction(provider, request, response, body.toString());
  // The body has been read; the server behind finds it here.
  Object.assign(request, { body: body.toString() });
  if (url.pathname === "/token/revocation" && switches.revocation_fail && switches.revocation_fail.times > 0) {
    switches.revocation_fail.times -= 1;
    return fail(response, switches.revocation_fail);
  }
  if (url.pathname.startsWith("/.well-known/") && failed(switches.metadata_fail, response)) return;
  if (url.pathname === "/request" && failed(switches.par_fail, response)) return;
  if (url.pathname === "/token" && request.method === "POST") return token(provider, request, response, body.toString());
  if (url.pathname === "/device/auth" || url.pathname === "/reg") capture(response, false);
  return provider.callback()(request, response);
}

const server = createServer((request, response) => {
  serve(request, response).catch((error) => {
    if (!response.headersSent) json(response, 500, { error: String(error) });
    else response.destroy();
  });
});

const issuer = () => {
  const address = server.address();
  return `http://127.0.0.1:${typeof address === "object" && address ? address.port : 0}`;
};

/** @param {Switches["par"]} par @param {boolean} dpop */
function createProvider(par, dpop) {
  return new Provider(issuer(), {
    adapter,
    clients: [],
    cookies: { keys: ["a key of the test provider"] },
    features: {
      clientCredentials: { enabled: true },
      deviceFlow,
      devInteractions: { enabled: false },
      dPoP: { enabled: dpop, nonceSecret: Buffer.alloc(32, 1), requireNonce: () => switches.dpop_nonce },
      pushedAuthorizationRequests: { enabled: par !== "off", requirePushedAuthorizationRequests: par === "required" },
      introspection: { enabled: true },
      registration: { enabled: true },
      revocation: { enabled: true },
    },
    scopes: ["openid", "offline_access", "read", "write"],
    pkce: { required: () => true },
    rotateRefreshToken: () => !switches.keep_refresh_token,
    issueRefreshToken: async () => true,
    findAccount: async (/** @type {unknown} */ _ctx, /** @type {string} */ id) => ({
      accountId: id,
      claims: async () => ({ sub: id }),
    }),
    interactions: { url: (/** @type {unknown} */ _ctx, /** @type {{ uid: string }} */ found) => `/interaction/${found.uid}` },
    ttl: {
      AccessToken: () => switches.access_token_ttl,
      ClientCredentials: () => switches.access_token_ttl,
      AuthorizationCode: 60,
      DeviceCode: () => switches.device_code_ttl,
      Grant: 86400,
      Interaction: 600,
      RefreshToken: 86400,
      Session: 86400,
      IdToken: 3600,
    },
    renderError: async (/** @type {any} */ ctx, /** @type {Record<string, unknown>} */ out) => {
      ctx.type = "json";
      ctx.body = JSON.stringify(out);
    },
  });
}

server.listen(0, "127.0.0.1", () => {
  process.stdout.write(`${JSON.stringify({ issuer: issuer() })}\n`);
});

// The tests hold the other end; when they are gone, so is this.
process.stdin.on("end", () => process.exit(0)).resume();
