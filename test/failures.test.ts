import { Browser } from "./harness/browser.ts";
import { everythingOf, findSecrets } from "./harness/canary.ts";
import { cleanup } from "./harness/cleanup.ts";
import { begin, draft, events, look, step } from "./harness/connect.ts";
import { heard } from "./harness/http.ts";
import { checkAnswers } from "./harness/openapi.ts";
import { type Product, startProduct } from "./harness/product.ts";
import { backTo, type OddProvider, type Reply, startOddProvider } from "./provider/odd.ts";

// What each refusal means: whether it is tried again, who must act, what becomes of the connection, and what its person reads.

jest.setTimeout(60_000);

/**
 * `retry` and `ambiguous` leave the connection alone and are tried again, the latter not for ever; `reauthorize` needs its person,
 * `configuration` the admin or the author.
 */
type Kind = "retry" | "ambiguous" | "configuration" | "reauthorize";

interface Row {
  readonly name: string;
  readonly answer: Reply;
  /** What the manifest says of the token endpoint's errors. */
  readonly token?: Readonly<Record<string, unknown>>;
  readonly kind: Kind;
  /** The error of the connection after a refresh. */
  readonly code: string;
  /** What its person reads. */
  readonly says: RegExp;
  /** The provider's own code, where it has one. */
  readonly error?: string;
  /** What becomes of a sign-in that meets the same answer. Default: an error of the same code. */
  readonly exchange?: readonly [status: "draft" | "error", code: string];
}

const json = (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Reply => ({
  status,
  headers,
  body,
});
const html = (status: number): Reply => ({
  status,
  headers: { "content-type": "text/html" },
  body: "<html><h1>Sorry</h1></html>",
});
const oauth = (error: string, description?: string, status = 400): Reply =>
  json(status, { error, ...(description === undefined ? {} : { error_description: description }) });

/** The codes of RFC 6749 §5.2 and its relatives. */
const standard = (error: string, kind: Kind, code: string, more: Partial<Row> = {}): Row => ({
  name: error,
  answer: oauth(error, `Because of ${error}`),
  kind,
  code,
  says: new RegExp(`^The provider answered: Because of ${error}$`),
  error,
  ...more,
});

const status = (code: number, kind: Kind, error: string, answer = html(code)): Row => ({
  name: `HTTP ${code}`,
  answer,
  kind,
  code: error,
  says: /./,
});

/** Providers that have codes of their own; the manifest says what they mean. */
const slack = {
  errors: {
    token_revoked: "reauthorize",
    account_inactive: "reauthorize",
    invalid_refresh_token: "reauthorize",
    ratelimited: "retry",
    internal_error: "retry",
    fatal_error: "retry",
    bad_client_secret: "configuration",
  },
};
const github = { errors: { bad_refresh_token: "reauthorize", incorrect_client_credentials: "configuration" } };
const wechat = {
  response: { error: "errcode != 0 ? errcode", error_description: "errmsg" },
  errors: { "-1": "retry", "40030": "reauthorize", "40125": "configuration" },
};
const facebook = {
  response: { error: "error.code", error_description: "error.message" },
  errors: { "190": "reauthorize", "1": "retry", "2": "retry", "4": "retry", "17": "retry", "341": "retry" },
};
const microsoft = {
  response: { error: "error_codes[0]" },
  errors: {
    "70008": "reauthorize",
    "700082": "reauthorize",
    "50173": "reauthorize",
    "65001": "reauthorize",
    "50076": "reauthorize",
  },
};
const salesforce = { errors: { inactive_user: "reauthorize", inactive_org: "reauthorize", rate_limit_exceeded: "retry" } };
const zoho = { errors: { "Access Denied": "retry", invalid_code: "reauthorize" } };

/** The code that people read where the manifest says what the provider's own code means. */
const meaning: Readonly<Record<Kind, string>> = {
  retry: "provider_unavailable",
  ambiguous: "token_answer_invalid",
  configuration: "grant_refused",
  reauthorize: "grant_refused",
};

const own = (name: string, token: Row["token"], answer: Reply, kind: Kind, says: RegExp, error: string): Row => ({
  name,
  ...(token === undefined ? {} : { token }),
  answer,
  kind,
  code: meaning[kind],
  says,
  error,
});

/** Beside the code of its own stands that of RFC 6749, which counts where the manifest does not know the first. */
const aadsts = (code: number, error: string, kind: Kind): Row => ({
  ...own(
    `AADSTS${code}`,
    microsoft,
    json(kind === "configuration" ? 401 : 400, { error, error_description: `AADSTS${code}: No.`, error_codes: [code] }),
    kind,
    new RegExp(`AADSTS${code}`),
    String(code),
  ),
  ...(kind === "configuration" ? { code: "client_refused" } : {}),
});

const graph = (code: number, kind: Kind, subcode?: number): Row =>
  own(
    `code ${code}${subcode === undefined ? "" : `, subcode ${subcode}`}`,
    facebook,
    json(400, { error: { message: `Code ${code} it is.`, type: "OAuthException", code, error_subcode: subcode } }),
    kind,
    new RegExp(`Code ${code} it is`),
    String(code),
  );

const rows: readonly Row[] = [
  // RFC 6749 and its relatives
  standard("invalid_grant", "reauthorize", "grant_refused", { exchange: ["draft", "code_expired"] }),
  standard("expired_token", "reauthorize", "grant_refused"),
  standard("login_required", "reauthorize", "grant_refused"),
  standard("consent_required", "reauthorize", "grant_refused"),
  standard("interaction_required", "reauthorize", "grant_refused"),
  standard("account_selection_required", "reauthorize", "grant_refused"),
  standard("invalid_client", "configuration", "client_refused", {
    answer: oauth("invalid_client", "Because of invalid_client", 401),
  }),
  standard("unauthorized_client", "configuration", "client_refused"),
  standard("invalid_request", "configuration", "token_request_refused"),
  standard("invalid_scope", "configuration", "scope_refused"),
  {
    ...standard("invalid_scope", "configuration", "scope_refused"),
    name: "many words",
    answer: oauth("invalid_scope", "y".repeat(3000)),
    says: /^The provider answered: y{2000}$/,
  },
  standard("invalid_target", "configuration", "token_request_refused"),
  standard("unsupported_grant_type", "configuration", "token_request_refused"),
  standard("redirect_uri_mismatch", "configuration", "redirect_uri_mismatch"),
  standard("server_error", "retry", "provider_unavailable"),
  standard("temporarily_unavailable", "retry", "provider_unavailable"),
  standard("slow_down", "retry", "provider_rate_limited"),
  standard("a_code_that_nobody_knows", "configuration", "grant_refused"),
  {
    ...standard("invalid_grant", "reauthorize", "grant_refused", { exchange: ["draft", "code_expired"] }),
    name: "invalid_grant with invalid_rapt",
    answer: json(400, { error: "invalid_grant", error_subtype: "invalid_rapt", error_description: "Because of invalid_grant" }),
  },
  {
    ...standard("invalid_grant", "reauthorize", "grant_refused", { exchange: ["draft", "code_expired"] }),
    name: "invalid_grant with 200",
    answer: oauth("invalid_grant", "Because of invalid_grant", 200),
  },
  {
    ...standard("invalid_grant", "reauthorize", "grant_refused", { exchange: ["draft", "code_expired"] }),
    name: "invalid_grant with 401, in a form",
    answer: {
      status: 401,
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: "error=invalid_grant&error_description=Because+of+invalid_grant",
    },
  },
  {
    ...standard("temporarily_unavailable", "retry", "provider_unavailable"),
    name: "temporarily_unavailable with 400",
    answer: oauth("temporarily_unavailable", "Because of temporarily_unavailable"),
  },
  // statuses
  ...[408, 425, 500, 502, 503, 504].map((code) => status(code, "retry", "provider_unavailable")),
  status(429, "retry", "provider_rate_limited"),
  {
    ...status(503, "retry", "provider_unavailable", json(503, { message: "busy" }, { "retry-after": "60" })),
    name: "HTTP 503 that asks to wait",
  },
  {
    ...status(
      429,
      "retry",
      "provider_rate_limited",
      json(429, { error: "rate_limit" }, { "retry-after": new Date(Date.now() + 3_600_000).toUTCString() }),
    ),
    name: "HTTP 429 with an unknown error and a date to wait for",
  },
  status(520, "retry", "token_answer_invalid"),
  {
    ...status(500, "reauthorize", "grant_refused", oauth("invalid_grant", "Revoked", 500)),
    name: "HTTP 500 with invalid_grant",
    exchange: ["draft", "code_expired"],
  },
  {
    ...status(302, "retry", "token_answer_invalid", {
      status: 302,
      headers: { location: "https://elsewhere.example/" },
      body: "",
    }),
    name: "a redirect",
  },
  // answers that say nothing
  ...[400, 401, 403].flatMap((code): Row[] => [
    { ...status(code, "ambiguous", "token_answer_invalid", { status: code, body: "" }), name: `HTTP ${code} and nothing` },
    { ...status(code, "ambiguous", "token_answer_invalid"), name: `HTTP ${code} and HTML` },
  ]),
  {
    ...status(401, "ambiguous", "token_answer_invalid", {
      status: 401,
      headers: { "www-authenticate": 'Bearer error="invalid_token"' },
      body: "",
    }),
    name: "HTTP 401 with a challenge and nothing",
  },
  { ...status(200, "retry", "token_answer_invalid"), name: "a page with 200" },
  { ...status(200, "retry", "token_answer_invalid", { status: 200, body: "" }), name: "nothing with 200" },
  { ...status(200, "retry", "token_answer_invalid", json(200, {})), name: "an empty object with 200" },
  { ...status(200, "retry", "token_answer_invalid", json(200, { access_token: 7 })), name: "a number for a token" },
  { ...status(200, "retry", "token_answer_invalid", json(200, { access_token: "a\nb" })), name: "a token with a line break" },
  {
    ...status(400, "reauthorize", "grant_refused", { status: 400, body: "" }),
    name: "HTTP 400 and nothing, where the manifest says what it means",
    token: { errors: { "400": "reauthorize" } },
  },
  // codes of their own
  own(
    "`token_revoked`",
    slack,
    json(200, { ok: false, error: "token_revoked" }),
    "reauthorize",
    /token_revoked/,
    "token_revoked",
  ),
  own(
    "`account_inactive`",
    slack,
    json(200, { ok: false, error: "account_inactive" }),
    "reauthorize",
    /account_inactive/,
    "account_inactive",
  ),
  own(
    "`invalid_refresh_token`",
    slack,
    json(200, { ok: false, error: "invalid_refresh_token" }),
    "reauthorize",
    /invalid_refresh_token/,
    "invalid_refresh_token",
  ),
  own("`ratelimited`", slack, json(200, { ok: false, error: "ratelimited" }), "retry", /ratelimited/, "ratelimited"),
  own("`internal_error`", slack, json(200, { ok: false, error: "internal_error" }), "retry", /internal_error/, "internal_error"),
  own("`fatal_error`", slack, json(200, { ok: false, error: "fatal_error" }), "retry", /fatal_error/, "fatal_error"),
  own(
    "`bad_client_secret`",
    slack,
    json(200, { ok: false, error: "bad_client_secret" }),
    "configuration",
    /bad_client_secret/,
    "bad_client_secret",
  ),
  own(
    "`bad_refresh_token`",
    github,
    json(200, { error: "bad_refresh_token", error_description: "The refresh token passed is incorrect or expired." }),
    "reauthorize",
    /incorrect or expired/,
    "bad_refresh_token",
  ),
  own(
    "`incorrect_client_credentials`",
    github,
    json(200, { error: "incorrect_client_credentials" }),
    "configuration",
    /incorrect_client_credentials/,
    "incorrect_client_credentials",
  ),
  own("`errcode` -1", wechat, json(200, { errcode: -1, errmsg: "system busy" }), "retry", /system busy/, "-1"),
  own(
    "`errcode` 40030",
    wechat,
    json(200, { errcode: 40030, errmsg: "invalid refresh_token" }),
    "reauthorize",
    /invalid refresh_token/,
    "40030",
  ),
  own(
    "`errcode` 40125",
    wechat,
    json(200, { errcode: 40125, errmsg: "invalid appsecret" }),
    "configuration",
    /invalid appsecret/,
    "40125",
  ),
  graph(190, "reauthorize"),
  graph(190, "reauthorize", 458),
  graph(190, "reauthorize", 463),
  ...[1, 2, 4, 17, 341].map((code) => graph(code, "retry")),
  aadsts(70008, "invalid_grant", "reauthorize"),
  aadsts(700082, "invalid_grant", "reauthorize"),
  aadsts(50173, "invalid_grant", "reauthorize"),
  aadsts(65001, "invalid_grant", "reauthorize"),
  aadsts(50076, "interaction_required", "reauthorize"),
  aadsts(7000215, "invalid_client", "configuration"),
  aadsts(7000222, "invalid_client", "configuration"),
  aadsts(90033, "temporarily_unavailable", "retry"),
  own(
    "`inactive_user`",
    salesforce,
    oauth("inactive_user", "user is inactive"),
    "reauthorize",
    /user is inactive/,
    "inactive_user",
  ),
  own("`inactive_org`", salesforce, oauth("inactive_org", "org is locked", 403), "reauthorize", /org is locked/, "inactive_org"),
  {
    ...own(
      "`expired access/refresh token`",
      salesforce,
      oauth("invalid_grant", "expired access/refresh token"),
      "reauthorize",
      /expired access/,
      "invalid_grant",
    ),
    exchange: ["draft", "code_expired"],
  },
  own(
    "`Access Denied` for too many requests",
    zoho,
    json(400, { error: "Access Denied", error_description: "You have made too many requests" }),
    "retry",
    /too many requests/,
    "Access Denied",
  ),
  own("`invalid_code`", zoho, json(200, { error: "invalid_code" }), "reauthorize", /invalid_code/, "invalid_code"),
];

let odd: OddProvider;
let product: Product;
/** What the token endpoint of a row answers now, in place of a token. */
const refusals = new Map<string, Reply>();
const connectorOf = (row: Row) => `failing-${rows.indexOf(row)}`;

const manifest = (name: string, token: object = {}, auth: object = {}, more: object = {}) =>
  JSON.stringify({
    manifest: 1,
    name,
    title: name,
    base_url: `${odd.url}/${name}/api`,
    auth: {
      oauth: {
        type: "oauth2",
        grant: "authorization_code",
        authorization: { url: `${odd.url}/${name}/authorize` },
        token: { url: `${odd.url}/${name}/token`, ...token },
        test: { request: { path: "/me" } },
        label: "{{ me.name }}",
        unique_id: "me.id",
        ...auth,
      },
    },
    actions: { list_items: { title: "List items", request: { path: "/items" }, output: "body" } },
    ...more,
  });

interface ApiRow {
  readonly name: string;
  readonly answer: Reply;
  readonly auth?: Readonly<Record<string, unknown>>;
  readonly more?: Readonly<Record<string, unknown>>;
  /** The step's error. */
  readonly code: string;
  readonly says: RegExp;
  /** How many refreshes it leads to. */
  readonly refreshes: number;
  /** What the test call makes of it at a sign-in. */
  readonly test: string;
}

const graphRules = {
  errors: [
    { when: "body.error.code = 190", class: "auth", message: "{{ body.error.message }}" },
    { when: "body.error.code in [1, 2]", class: "unavailable", message: "{{ body.error.message }}" },
    { when: "body.error.code in [4, 17, 341]", class: "rate_limit", message: "{{ body.error.message }}" },
  ],
};
const graphError = (code: number) => json(400, { error: { message: `Code ${code} it is.`, code } });

/** What an API answers, at a step and at the test of a sign-in. */
const apiRows: readonly ApiRow[] = [
  {
    name: "401 with a challenge",
    answer: { status: 401, headers: { "www-authenticate": 'Bearer error="invalid_token"' } },
    code: "provider_unauthorized",
    says: /401/,
    refreshes: 1,
    test: "credentials_invalid",
  },
  {
    name: "401 without one",
    answer: { status: 401, body: "" },
    code: "provider_unauthorized",
    says: /401/,
    refreshes: 1,
    test: "credentials_invalid",
  },
  {
    name: "403 `insufficient_scope`",
    answer: json(403, { error: "insufficient_scope" }),
    code: "provider_permission",
    says: /insufficient_scope/,
    refreshes: 0,
    test: "credentials_invalid",
  },
  {
    name: "404",
    answer: json(404, { message: "No such thing" }),
    code: "provider_not_found",
    says: /No such thing/,
    refreshes: 0,
    test: "credentials_invalid",
  },
  {
    name: "400",
    answer: json(400, { error: { message: "Bad limit" } }),
    code: "provider_refused",
    says: /Bad limit/,
    refreshes: 0,
    test: "credentials_invalid",
  },
  {
    name: "429",
    answer: json(429, { message: "Slow down" }, { "retry-after": "3600" }),
    code: "provider_rate_limited",
    says: /Slow down/,
    refreshes: 0,
    test: "test_unreachable",
  },
  {
    name: "500 and HTML",
    answer: html(500),
    code: "provider_unavailable",
    says: /^HTTP 500, text\/html$/,
    refreshes: 0,
    test: "test_unreachable",
  },
  {
    name: "many words",
    answer: json(400, { message: "x".repeat(3000) }),
    code: "provider_refused",
    says: /^x{2000}$/,
    refreshes: 0,
    test: "credentials_invalid",
  },
  {
    name: "503",
    answer: json(503, { message: "Maintenance" }, { "retry-after": "3600" }),
    code: "provider_unavailable",
    says: /Maintenance/,
    refreshes: 0,
    test: "test_unreachable",
  },
  {
    name: "400 with code 190, where the manifest says what it means",
    answer: graphError(190),
    auth: { refresh: { when: "body.error.code = 190" } },
    more: graphRules,
    code: "provider_unauthorized",
    says: /Code 190 it is/,
    refreshes: 1,
    test: "credentials_invalid",
  },
  {
    name: "400 with code 2, where the manifest says what it means",
    answer: graphError(2),
    more: graphRules,
    code: "provider_unavailable",
    says: /Code 2 it is/,
    refreshes: 0,
    test: "test_unreachable",
  },
  {
    name: "400 with code 17, where the manifest says what it means",
    answer: graphError(17),
    more: graphRules,
    code: "provider_rate_limited",
    says: /Code 17 it is/,
    refreshes: 0,
    test: "test_unreachable",
  },
];
const apiConnectorOf = (row: ApiRow) => `calling-${apiRows.indexOf(row)}`;

beforeAll(async () => {
  let tokens = 0;
  odd = await startOddProvider(
    new Proxy(
      {},
      {
        get: () => (seen: { path: string; query: URLSearchParams }) => {
          const [, name = "", path = ""] = seen.path.split("/");
          const refusal = refusals.get(`${name}/${path}`);
          if (refusal !== undefined) return refusal;
          if (path === "authorize")
            return backTo(seen.query.get("redirect_uri"), { code: "canary-authorization-code", state: seen.query.get("state") });
          tokens += 1;
          if (path === "token")
            return {
              body: {
                access_token: `canary-access-token-${tokens}`,
                refresh_token: `canary-refresh-token-${tokens}`,
                expires_in: 3600,
              },
            };
          return { body: { id: 1, name: "Ada" } };
        },
      },
    ),
  );
  product = await startProduct({
    connectors: {
      asking: manifest("asking"),
      ...Object.fromEntries(rows.map((row) => [connectorOf(row), manifest(connectorOf(row), row.token)])),
      ...Object.fromEntries(apiRows.map((row) => [apiConnectorOf(row), manifest(apiConnectorOf(row), {}, row.auth, row.more)])),
    },
  });
});
afterAll(cleanup);
beforeEach(() => refusals.clear());

async function saveApp(connector: string): Promise<void> {
  const app = await product.put(`/v1/connectors/${connector}/apps/oauth/production`, {
    client_id: "the-id",
    client_secret: "canary-client-secret",
  });
  expect([app.status, connector]).toEqual([200, connector]);
}

async function signIn(connector: string, owner?: string) {
  await saveApp(connector);
  const { id } = await draft(product, connector, owner === undefined ? {} : { owner });
  await new Browser().open(await begin(product, id));
  return look(product, id);
}

const tokenRequests = (connector: string) => odd.at(`/${connector}/token`).length;

/** Who can do something about it. */
const audiences: Readonly<Record<string, string>> = {
  grant_refused: "user",
  token_request_refused: "author",
  client_refused: "admin",
  scope_refused: "author",
  redirect_uri_mismatch: "admin",
  provider_unavailable: "provider",
  provider_rate_limited: "provider",
  token_answer_invalid: "provider",
};

/** What a person can do about it. */
const hints: Readonly<Record<string, RegExp>> = {
  grant_refused: /Press Connect again/,
  token_request_refused: /Compare the manifest's token request/,
  client_refused: /client ID.*client secret/,
  scope_refused: /scopes/,
  redirect_uri_mismatch: /^Register exactly http:\/\/\S+\/oauth\/callback\/failing-\d+ at the provider\.$/,
  provider_unavailable: /Try again later/,
  provider_rate_limited: /Try again after/,
  token_answer_invalid: /Try again/,
};

const beginningOf = ({ source }: RegExp) => new RegExp(source.replace(/\$$/, ""));

const lookAtApp = async (connector: string) => (await product.get(`/v1/connectors/${connector}/apps/oauth/production`)).json;

describe("a refresh that is answered with", () => {
  test.each(rows)("$name is of the kind $kind", async (row) => {
    const connector = connectorOf(row);
    const { id, status: before } = await signIn(connector);
    expect(before).toBe("connected");
    refusals.set(`${connector}/token`, row.answer);
    const refused = await product.post(`/v1/connections/${id}/refresh`);
    const dead = row.kind === "reauthorize";
    expect(refused.json).toMatchObject({ code: dead ? "needs_reauth" : row.code });
    expect(refused.status).toBe(dead ? 409 : row.code === "provider_rate_limited" ? 429 : 502);
    expect(refused.json.detail).toMatch(row.code === "client_refused" ? beginningOf(row.says) : row.says);
    expect(refused.json.audience).toBe(dead ? "user" : audiences[row.code]);

    const connection = await look(product, id);
    expect(connection.status).toBe(dead ? "needs_reauth" : "connected");
    // What is wrong with the app is none of its connections' faults.
    const { error } = row.code === "client_refused" ? await lookAtApp(connector) : connection;
    if (row.code === "client_refused") expect(connection.error).toBeNull();
    expect(error).toMatchObject({
      code: row.code,
      message: expect.stringMatching(row.says),
      hint: expect.stringMatching(hints[row.code] ?? /^$/),
      ...(row.error === undefined ? {} : { provider: { error: row.error } }),
    });
    const raised = (await events(product, id)).filter(({ type }) => type === "refresh_failed" || type === "needs_reauth");
    expect(raised).toEqual([expect.objectContaining({ type: dead ? "needs_reauth" : "refresh_failed", code: row.code })]);
    expect(tokenRequests(connector)).toBe(2);

    refusals.clear();
    // An app that was refused is left alone until it is saved.
    if (row.code === "client_refused") await saveApp(connector);
    const after = await step(product, id, "list_items");
    const again = await product.post(`/v1/connections/${id}/refresh`);
    if (dead) {
      // Nothing is asked until its person comes back.
      expect([after.json.code, again.json.code, tokenRequests(connector)]).toEqual(["needs_reauth", "needs_reauth", 2]);
    } else {
      expect([after.status, again.status]).toEqual([200, 200]);
      expect(await look(product, id)).toMatchObject({ status: "connected", error: null });
    }
  });
});

describe("a sign-in whose token request is answered with", () => {
  test.each(rows)("$name is over, and the code is not sent again", async (row) => {
    const connector = connectorOf(row);
    const before = tokenRequests(connector);
    refusals.set(`${connector}/token`, row.answer);
    const connection = await signIn(connector, "somebody-else");
    const [becomes, code] = row.exchange ?? ["error", row.code];
    expect(connection).toMatchObject({ status: becomes, error: { code } });
    if (code === row.code) expect(connection.error.message).toMatch(row.says);
    expect(tokenRequests(connector) - before).toBe(1);
    expect((await step(product, connection.id, "list_items")).json.code).toBe("not_connected");
  });
});

describe("an API that answers a step with", () => {
  test.each(apiRows)("$name: $code, and $refreshes refreshes", async (row) => {
    const connector = apiConnectorOf(row);
    const { id } = await signIn(connector);
    const before = tokenRequests(connector);
    refusals.set(`${connector}/api`, row.answer);
    const answer = await step(product, id, "list_items");
    expect(answer.json).toMatchObject({
      code: row.code,
      detail: expect.stringMatching(row.says),
      provider: { status: row.answer.status },
    });
    expect(tokenRequests(connector) - before).toBe(row.refreshes);
    expect(await look(product, id)).toMatchObject({ status: "connected" });
    refusals.clear();
    expect((await step(product, id, "list_items")).status).toBe(200);
  });

  test.each(apiRows)("$name, asked at a sign-in whose account it is: $test", async (row) => {
    const connector = apiConnectorOf(row);
    refusals.set(`${connector}/api`, row.answer);
    const connection = await signIn(connector, "somebody-else");
    expect(connection).toMatchObject({
      status: "error",
      error: { code: row.test, provider: { status: row.answer.status, error: expect.stringMatching(row.says) } },
    });
  });
});

describe("a provider that sends the person back with", () => {
  test.each<[error: string, status: string, code: string, hint: RegExp]>([
    ["access_denied", "draft", "access_denied", /Connect again/],
    ["login_required", "error", "grant_refused", /Connect again/],
    ["consent_required", "error", "grant_refused", /Connect again/],
    ["interaction_required", "error", "grant_refused", /Connect again/],
    ["account_selection_required", "error", "grant_refused", /Connect again/],
    ["server_error", "error", "provider_unavailable", /Try again/],
    ["temporarily_unavailable", "error", "provider_unavailable", /Try again/],
    ["invalid_request", "error", "authorization_failed", /client ID and scopes/],
    ["unsupported_response_type", "error", "authorization_failed", /client ID and scopes/],
    ["invalid_scope", "error", "scope_refused", /scopes/],
    ["invalid_target", "error", "authorization_failed", /client ID and scopes/],
    ["unauthorized_client", "error", "client_refused", /client ID/],
    [
      "redirect_uri_mismatch",
      "error",
      "redirect_uri_mismatch",
      /^Register exactly http:\/\/\S+\/oauth\/callback\/asking at the provider\.$/,
    ],
    ["a_code_that_nobody_knows", "error", "authorization_failed", /client ID and scopes/],
  ])("%s is told so, and nothing is asked for", async (error, becomes, code, hint) => {
    await saveApp("asking");
    const made = await draft(product, "asking", { owner: error });
    const browser = new Browser();
    const back = await browser.open(await begin(product, made.id), {
      stop: ({ pathname }) => pathname.startsWith("/oauth/callback/"),
    });
    back.url.searchParams.delete("code");
    back.url.searchParams.set("error", error);
    back.url.searchParams.set("error_description", `Because of ${error}`);
    await browser.open(back.url);
    expect(await look(product, made.id)).toMatchObject({
      status: becomes,
      error: { code, hint: expect.stringMatching(hint), provider: { error, error_description: `Because of ${error}` } },
    });
    expect(tokenRequests("asking")).toBe(0);
  });
});

test("no secret stands in the store, in the logs or in any answer", async () => {
  const secrets = ["canary-access-token-", "canary-refresh-token-", "canary-client-secret", "canary-authorization-code"];
  expect(findSecrets(secrets, await everythingOf(product))).toEqual([]);
});

test("every answer that was given here fits the OpenAPI document", async () => {
  const document = (await product.get("/openapi.json")).json;
  expect(
    checkAnswers(
      document,
      heard.filter(({ origin }) => origin === product.url),
    ),
  ).toEqual([]);
});
