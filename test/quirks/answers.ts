import { createHmac } from "node:crypto";
import { secretBeginning } from "../provider/quirks.ts";
import type { Row } from "./row.ts";

const nested = (root: string) => ({
  access_token: `${root}.access_token`,
  refresh_token: `${root}.refresh_token`,
  expires_in: `${root}.expires_in`,
  token_type: `${root}.token_type`,
});

const unknownEnd = { minutes: null, becomes: { expires_at: null } } as const;

const keepsNothing = (value: unknown): Row["switches"] => ({
  "token.response": (answer, moment) => (moment === "refresh" ? { ...answer, refresh_token: value } : answer),
});

const claims = (seconds: number) =>
  Buffer.from(JSON.stringify({ exp: Math.floor(Date.now() / 1000) + seconds })).toString("base64url");

const refusal = (message: RegExp, provider: Readonly<Record<string, unknown>>, code = "grant_refused") => ({
  status: "error",
  error: expect.objectContaining({ code, message: expect.stringMatching(message), provider: expect.objectContaining(provider) }),
});

/** How token answers are written down. */
export const answerRows: readonly Row[] = [
  { name: "keeps to RFC 6749", switches: {} },
  { name: "calls its JSON text/html", switches: { "token.answer": "html-json" } },
  { name: "calls its JSON text/plain", switches: { "token.answer": "plain-json" } },
  { name: "calls its JSON nothing", switches: { "token.answer": "no-type" } },
  { name: "begins its JSON with a byte order mark", switches: { "token.answer": "bom" } },
  { name: "puts white space around its JSON", switches: { "token.answer": "spaced" } },
  { name: "answers in a form", switches: { "token.answer": "form" } },
  { name: "answers in a form that it calls text/html", switches: { "token.answer": "form-as-html" } },
  { name: "wraps its JSON into a call", switches: { "token.answer": "jsonp" } },
  { name: "answers with 201", switches: { "token.answer": "created" } },
  { name: "answers with 202", switches: { "token.answer": "accepted" } },
  { name: "nests the token in `data`", switches: { "token.answer": "nested" }, says: { token: { response: nested("data") } } },
  {
    name: "nests the token in `body` and tells a failure by `status`",
    switches: { "token.answer": "nested-in-body" },
    says: { token: { response: { ...nested("body"), error: "status != 0 ? status" } } },
  },
  {
    name: "nests a person's token in `authed_user`, says `ok`, and calls the token `user`",
    switches: { "token.answer": "authed_user", "scopes.separator": ",", "scopes.param": "user_scope" },
    says: {
      scopes: { separator: ",", param: "user_scope" },
      token: {
        response: { ...nested("authed_user"), scope: "authed_user.scope", error: "ok = true ? null : error" },
        capture: { team: { value: "team.id", pattern: "^T[0-9A-Z]+$" } },
      },
      label: "{{ me.name }} at {{ token.team }}",
    },
    becomes: { label: "Ada at T1", scopes: ["read", "write"] },
  },
  {
    name: "answers with a token that is an object",
    switches: { "token.answer": "token-object" },
    says: { token: { response: { access_token: "access_token.token" } } },
  },
  {
    name: "puts its answer into a list",
    switches: { "token.answer": "array" },
    says: { token: { response: nested("$[0]") } },
    plainly: "same",
  },
  {
    name: "writes its keys in camel case",
    switches: { "token.answer": "camelCase" },
    says: {
      token: {
        response: {
          access_token: "accessToken",
          refresh_token: "refreshToken",
          expires_in: "expiresIn",
          token_type: "tokenType",
        },
      },
    },
  },
  {
    name: "answers in XML",
    switches: { "token.answer": "xml" },
    says: { token: { response: nested("Response.Token") } },
  },
  {
    name: "puts the token into headers",
    switches: { "token.answer": "headers", "token.response": ({ access_token, expires_in }) => ({ access_token, expires_in }) },
    says: { token: { response: { from: "headers", access_token: "`x-access-token`", expires_in: "`x-expires-in`" } } },
    renews: false,
  },
  {
    name: "puts the token into a cookie",
    switches: { "token.answer": "cookies", "token.response": ({ access_token, expires_in }) => ({ access_token, expires_in }) },
    says: { token: { response: { from: "cookies", access_token: "`access-token`", expires_in: "`expires-in`" } } },
    renews: false,
  },
  { name: 'says `error: ""` with a token', switches: { "token.response": (answer) => ({ ...answer, error: "" }) } },
  { name: "says `error: null` with a token", switches: { "token.response": (answer) => ({ ...answer, error: null }) } },
  { name: "says `error: false` with a token", switches: { "token.response": (answer) => ({ ...answer, error: false }) } },
  { name: "says `error: []` with a token", switches: { "token.response": (answer) => ({ ...answer, error: [] }) } },
  {
    name: "says `errors: []` with a token",
    switches: { "token.response": (answer) => ({ ...answer, errors: [] }) },
    says: { token: { response: { error: "errors" } } },
    plainly: "same",
  },
  {
    name: "says `errcode: 0` with a token",
    switches: { "token.response": (answer) => ({ ...answer, errcode: 0, errmsg: "ok" }) },
    says: { token: { response: { error: "errcode != 0 ? errcode" } } },
    plainly: "same",
  },
  // lifetimes
  { name: "tells the lifetime as a text", switches: { "token.response.expires_in": "string" } },
  { name: "tells the lifetime as a fraction", switches: { "token.response.expires_in": "float" } },
  {
    name: "tells the lifetime in milliseconds",
    switches: { "token.response.expires_in": "ms" },
    says: { token: { response: { expires_in: { value: "expires_in", unit: "ms" } } } },
    plainly: { status: "connected", expires_at: expect.not.stringMatching(new Date().toISOString().slice(0, 10)) },
  },
  {
    name: "tells the lifetime in minutes",
    switches: { "token.response.expires_in": "minutes" },
    says: { token: { response: { expires_in: { value: "expires_in", unit: "m" } } } },
    plainly: { status: "connected" },
  },
  { name: "tells the end in seconds since 1970", switches: { "token.response.expires_in": "at in seconds" } },
  { name: "tells the end in milliseconds since 1970", switches: { "token.response.expires_in": "at in milliseconds" } },
  {
    name: "tells the lifetime as `expires`",
    switches: { "token.response.expires_in": "expires" },
    says: { token: { response: { expires_in: "expires" } } },
    plainly: { status: "connected", expires_at: null },
  },
  {
    name: "tells the end as `expires_at`",
    switches: { "token.response.expires_in": "expires_at" },
    says: { token: { response: { expires_in: "expires_at" } } },
    plainly: { status: "connected", expires_at: null },
  },
  {
    name: "tells the end as an ISO 8601 time",
    switches: { "token.response.expires_in": "iso" },
    says: { token: { response: { expires_in: { value: "expires_at", unit: "at_iso" } } } },
    plainly: { status: "connected", expires_at: null },
  },
  { name: "tells no lifetime", switches: { "token.response.expires_in": "missing" }, ...unknownEnd },
  { name: "tells the lifetime `null`", switches: { "token.response.expires_in": "null" }, ...unknownEnd },
  { name: "tells the lifetime 0", switches: { "token.response.expires_in": "zero" }, ...unknownEnd },
  { name: "tells a negative lifetime", switches: { "token.response.expires_in": "negative" }, ...unknownEnd },
  { name: "tells the lifetime in words", switches: { "token.response.expires_in": "words" }, ...unknownEnd },
  {
    name: "tells no lifetime, where the manifest knows it",
    switches: { "token.response.expires_in": "missing" },
    says: { refresh: { default_lifetime: "55m" } },
    minutes: 55,
    plainly: { status: "connected", expires_at: null },
  },
  {
    name: "tells no lifetime but in the token itself, which is a JSON Web Token",
    switches: {
      "token.response.expires_in": "missing",
      "token.response": (answer) => ({ ...answer, access_token: `e30.${claims(3600)}.${answer.access_token}` }),
      apply: ({ headers }) => headers.authorization?.split(".")[2],
    },
  },
  {
    name: "tells no lifetime but to introspection",
    switches: { "token.response.expires_in": "missing" },
    says: { introspection: { url: "{url}/introspect" } },
    minutes: 30,
    plainly: { status: "connected", expires_at: null },
    then: async ({ realm }) => expect(realm.at("/introspect").length).toBeGreaterThan(1),
  },
  // scopes
  {
    name: "answers with a list of scopes",
    switches: { "token.response": (answer) => ({ ...answer, scope: ["read", "write"] }) },
    becomes: { scopes: ["read", "write"] },
  },
  {
    name: "answers with scopes between commas",
    switches: { "token.response": (answer) => ({ ...answer, scope: "read,write" }) },
    becomes: { scopes: ["read", "write"] },
  },
  {
    name: "answers with scopes under another name",
    switches: { "token.response": (answer) => ({ ...answer, scopes: "read" }) },
    says: { token: { response: { scope: "scopes" } } },
    becomes: { scopes: ["read"], missing_scopes: ["write"] },
    plainly: { status: "connected", scopes: ["read", "write"] },
  },
  { name: "does not say what it granted", switches: {}, becomes: { scopes: ["read", "write"], missing_scopes: [] } },
  {
    name: "grants only a part of the scopes",
    switches: { "token.response": (answer) => ({ ...answer, scope: "write" }) },
    becomes: { scopes: ["write"], missing_scopes: ["read"] },
  },
  // refresh tokens
  { name: 'answers a refresh with the refresh token ""', switches: keepsNothing("") },
  { name: "answers a refresh with the refresh token null", switches: keepsNothing(null) },
  { name: "answers a refresh without a refresh token", switches: keepsNothing(undefined) },
  {
    name: "hands out no refresh token",
    switches: { "token.response": ({ refresh_token: _, ...answer }) => answer },
    renews: false,
    becomes: { renewable: false },
  },
  {
    name: "hands out a refresh token only if it is asked for offline access",
    switches: {
      "authorization.params": { access_type: "offline", prompt: "consent" },
    },
    says: { authorization: { params: { access_type: "offline", prompt: "consent" } }, refresh: { required: true } },
  },
  {
    name: "hands out no refresh token where the manifest needs one",
    switches: { "token.response": ({ refresh_token: _, ...answer }) => answer },
    says: { refresh: { required: true } },
    becomes: {
      status: "error",
      error: expect.objectContaining({
        code: "no_refresh_token",
        hint: expect.stringMatching(/`access_type=offline` with `prompt=consent`/),
      }),
    },
    plainly: { status: "connected", renewable: false },
  },
  // token types
  { name: "does not name the token's type", switches: { "token.response": ({ token_type: _, ...answer }) => answer } },
  { name: "calls the token `bearer`", switches: { "token.response": (answer) => ({ ...answer, token_type: "bearer" }) } },
  { name: "calls the token `bot`", switches: { "token.response": (answer) => ({ ...answer, token_type: "bot" }) } },
  {
    name: "takes the token only as `Zoho-oauthtoken`-like",
    switches: {
      "token.response": (answer) => ({ ...answer, token_type: "Acme-oauthtoken" }),
      apply: ({ headers }) => /^Acme-oauthtoken (.*)$/.exec(headers.authorization ?? "")?.[1],
    },
    says: { apply: { value: "Acme-oauthtoken {{ token.access_token }}" } },
  },
  {
    name: "takes the token only as it called its type",
    switches: {
      "token.response": (answer) => ({ ...answer, token_type: "OAuth" }),
      apply: ({ headers }) => /^OAuth (.*)$/.exec(headers.authorization ?? "")?.[1],
    },
    says: { apply: { value: "{{ token.token_type }} {{ token.access_token }}" } },
  },
  {
    name: "hands out a token of a kind that nobody told the manifest of",
    switches: {
      "token.response": (answer) => ({ ...answer, token_type: "mac" }),
      apply: ({ headers }) => /^MAC (.*)$/.exec(headers.authorization ?? "")?.[1],
    },
    becomes: { status: "error", error: expect.objectContaining({ code: "token_type_unsupported" }) },
  },
  {
    name: "calls a bearer token by a name that the manifest knows",
    switches: { "token.response": (answer) => ({ ...answer, token_type: "mac" }) },
    says: { token: { response: { token_type: "'Bearer'" } } },
    plainly: { status: "error", error: expect.objectContaining({ code: "token_type_unsupported" }) },
  },
  {
    name: "takes the token only with a proof that the client's secret made of it",
    switches: {
      default_params: ({ query }, { access_token }) =>
        query.get("appsecret_proof") === createHmac("sha256", `${secretBeginning}appsecret`).update(access_token).digest("hex"),
    },
    says: {
      client: { fields: [{ name: "proof_secret", label: "Proof secret", secret: true, help: "From the app's page." }] },
      apply: [
        { value: "Bearer {{ token.access_token }}" },
        { in: "query", name: "appsecret_proof", value: "{{ $hmac(token.access_token, app.proof_secret) }}" },
      ],
    },
    app: { proof_secret: `${secretBeginning}appsecret` },
  },
  {
    name: "takes the token only in a header of its own",
    switches: { apply: ({ headers }) => String(headers["x-acme-access-token"] ?? "") },
    says: { apply: { in: "header", name: "X-Acme-Access-Token", value: "{{ token.access_token }}" } },
  },
  // what is kept of an answer
  {
    name: "tells in the answer where its API lives",
    switches: {
      base_url: "/eu1",
      "token.response": (answer) => ({ ...answer, instance: "eu1", issued_at: "1700000000000" }),
    },
    says: {
      base_url: "{url}/api/{{ token.instance }}",
      token: { capture: { instance: { value: "instance", pattern: "^[a-z0-9]+$" } } },
    },
  },
  {
    name: "wants its own id of the account with every call",
    switches: {
      "token.response": (answer) => ({ ...answer, openid: "o-77" }),
      apply: ({ query }) => query.get("access_token") ?? undefined,
      default_params: ({ query }) => query.get("openid") === "o-77",
    },
    says: {
      token: { capture: { openid: { value: "openid", pattern: "^o-[0-9]+$" } } },
      apply: [
        { in: "query", name: "access_token", value: "{{ token.access_token }}" },
        { in: "query", name: "openid", value: "{{ token.openid }}" },
      ],
    },
  },
  {
    name: "tells the account in the answer and not in the API",
    switches: { "token.response": (answer, moment) => (moment === "exchange" ? { ...answer, athlete: { id: 42 } } : answer) },
    says: { token: { capture: { athlete: { value: "athlete.id", pattern: "^[0-9]+$" } } }, unique_id: "token.athlete" },
    becomes: { unique_id: "42" },
    plainly: { status: "connected", unique_id: "acct-1815" },
  },
  // failures that do not look like one, and the other way round
  {
    name: "refuses with 200 and an error in a form",
    switches: {
      "token.error": () => ({
        headers: { "content-type": "application/x-www-form-urlencoded" },
        body: "error=bad_verification_code&error_description=The+code+passed+is+incorrect+or+expired.",
      }),
    },
    becomes: refusal(/incorrect or expired/, { status: 200, error: "bad_verification_code" }),
  },
  {
    name: "refuses with 200 and `errcode`",
    switches: { "token.error": () => ({ body: { errcode: 40029, errmsg: "invalid code", access_token: "half-a-token" } }) },
    says: { token: { response: { error: "errcode != 0 ? errcode", error_description: "errmsg" } } },
    becomes: refusal(/invalid code/, { status: 200, error: "40029" }),
    plainly: { status: "error", error: expect.objectContaining({ code: "credentials_invalid" }) },
  },
  {
    name: "refuses with 200 and `ok: false`",
    switches: { "token.error": () => ({ body: { ok: false, error: "invalid_code" } }) },
    becomes: refusal(/invalid_code/, { status: 200, error: "invalid_code" }),
  },
  {
    name: "refuses with an error that is an object",
    switches: {
      "token.error": () => ({
        status: 400,
        body: { error: { message: "This code has been used.", type: "OAuthException", code: 100 } },
      }),
    },
    says: { token: { response: { error: "error.code", error_description: "error.message" } } },
    becomes: refusal(/This code has been used/, { status: 400, error: "100" }),
    plainly: { status: "error", error: expect.objectContaining({ provider: expect.objectContaining({ status: 400 }) }) },
  },
  {
    name: "refuses with an error that is a number",
    switches: { "token.error": () => ({ status: 400, body: { error: 4711, log_id: "2026" } }) },
    becomes: refusal(/4711/, { status: 400, error: "4711" }),
  },
  {
    name: "refuses with a redirect",
    switches: { "token.error": () => ({ status: 302, headers: { location: "http://127.0.0.1:1/elsewhere" }, body: "" }) },
    becomes: { status: "error", error: expect.objectContaining({ code: "token_answer_invalid" }) },
  },
  {
    name: "refuses with 403 and HTML",
    switches: {
      "token.error": () => ({ status: 403, headers: { "content-type": "text/html" }, body: "<html><h1>No</h1></html>" }),
    },
    becomes: { status: "error", error: expect.objectContaining({ code: "token_answer_invalid" }) },
  },
  {
    name: "breaks with 500 and HTML",
    switches: {
      "token.error": () => ({ status: 500, headers: { "content-type": "text/html" }, body: "<html><h1>Oops</h1></html>" }),
    },
    becomes: { status: "error", error: expect.objectContaining({ code: "provider_unavailable" }) },
  },
  {
    name: "refuses with 400 and nothing",
    switches: { "token.error": () => ({ status: 400, body: "" }) },
    becomes: { status: "error", error: expect.objectContaining({ code: "token_answer_invalid" }) },
  },
  {
    name: "answers with 200 and nothing",
    switches: { "token.error": () => ({ status: 200, body: "" }) },
    becomes: { status: "error", error: expect.objectContaining({ code: "token_answer_invalid" }) },
  },
];
