// @ts-check
// Where the reference is wrong, or says more than its definition does. Each rule changes the reference to what it should have sent; what
// is then the same differs by that rule alone.

/**
 * @typedef {import("./canonical.mjs").Canonical} Canonical
 * @typedef {Record<"authorization" | "token" | "refresh", Canonical[]>} Requests
 * @typedef {{ entry: Record<string, any>, ours: Requests, basic: string }} Given
 * @typedef {{ name: string, why: string, apply: (requests: Requests, given: Given) => Requests }} Rule
 */

const isPairs = (/** @type {unknown} */ body) =>
  Array.isArray(body) && body.every((pair) => Array.isArray(pair) && pair.length === 2);

/**
 * The parameters of a body, whatever its encoding, through a function.
 * @param {Canonical} request
 * @param {(entries: [string, any][]) => [string, any][]} change
 * @returns {Canonical}
 */
function withParameters(request, change) {
  const { body } = request;
  if (isPairs(body)) {
    const pairs = change(/** @type {[string, any][]} */ (body)).sort(([a, x], [b, y]) =>
      a < b ? -1 : a > b ? 1 : x < y ? -1 : 1,
    );
    return { ...request, body: pairs.length > 0 ? pairs : null, type: pairs.length > 0 ? request.type : "" };
  }
  if (typeof body !== "object" || body === null) return request;
  const entries = change(Object.entries(body)).sort(([a], [b]) => (a < b ? -1 : 1));
  return { ...request, body: Object.fromEntries(entries) };
}

/** @param {Canonical | undefined} request @returns {[string, any][]} */
const parameters = (request) =>
  isPairs(request?.body) ? /** @type {[string, any][]} */ (request?.body) : Object.entries(request?.body ?? {});

/** @param {Requests} requests @param {(request: Canonical, kind: keyof Requests, index: number) => Canonical} change @returns {Requests} */
const mapped = (requests, change) => ({
  authorization: requests.authorization.map((request, index) => change(request, "authorization", index)),
  token: requests.token.map((request, index) => change(request, "token", index)),
  refresh: requests.refresh.map((request, index) => change(request, "refresh", index)),
});

/** @type {readonly Rule[]} */
export const rules = [
  {
    name: "client_secret_twice",
    why: "the reference sends client ID and secret in the body beside a Basic header (RFC 6749 §2.3 allows one way)",
    apply: (requests, { basic }) =>
      mapped(requests, (request) =>
        request.headers.authorization === basic
          ? withParameters(request, (all) => all.filter(([name]) => name !== "client_id" && name !== "client_secret"))
          : request,
      ),
  },
  {
    name: "authorization_code_at_refresh",
    why: "the reference sends the grant type of the first token request on refresh",
    apply: (requests) =>
      mapped(requests, (request, kind) =>
        kind === "refresh"
          ? withParameters(request, (all) =>
              all.map(([name, value]) => [
                name,
                name === "grant_type" && value === "authorization_code" ? "refresh_token" : value,
              ]),
            )
          : request,
      ),
  },
  {
    name: "challenge_without_verifier",
    why: "the reference begins with a PKCE challenge and sends no verifier (RFC 7636 §4.5)",
    apply: (requests, { ours }) => {
      const verifier = parameters(ours.token[0]).find(([name]) => name === "code_verifier");
      const isChallenged = requests.authorization.some(({ query }) => query.some(([name]) => name === "code_challenge"));
      if (!verifier || !isChallenged) return requests;
      return mapped(requests, (request, kind, index) =>
        kind === "token" && index === 0
          ? withParameters(request, (all) => (all.some(([name]) => name === "code_verifier") ? all : [...all, verifier]))
          : request,
      );
    },
  },
  {
    name: "refresh_url_ignored",
    why: "the definition has a `refresh_url`, and the reference refreshes at the token URL",
    apply: (requests, { entry, ours }) =>
      mapped(requests, (request, kind, index) =>
        kind === "refresh" && entry.refresh_url !== undefined && request.target === requests.token[0]?.target
          ? { ...request, target: ours.refresh[index]?.target ?? request.target }
          : request,
      ),
  },
  {
    name: "token_query_dropped",
    why: "the definition's token URL has a query, and the reference leaves it out",
    apply: (requests, { entry, ours }) =>
      mapped(requests, (request, kind, index) =>
        kind !== "authorization" && String(entry.token_url).includes("?") && request.query.length === 0
          ? { ...request, query: ours[kind][index]?.query ?? [] }
          : request,
      ),
  },
  {
    name: "placeholder_sent",
    why: "the reference sends a placeholder as it stands in the definition",
    apply: (requests, { ours }) =>
      mapped(requests, (request, kind, index) => {
        const own = ours[kind][index];
        if (own === undefined) return request;
        const meant = Object.fromEntries(parameters(own));
        const isRaw = (/** @type {unknown} */ value) => /\$\{|\{\{\$/.test(String(value));
        const filled = withParameters(request, (all) =>
          all.map(([name, value]) => [name, isRaw(value) && name in meant ? meant[name] : value]),
        );
        if (typeof filled.body !== "string" || typeof own.body !== "string" || !isRaw(filled.body)) return filled;
        return { ...filled, body: filled.body.replace(/\{\{\$\w+\}\}/g, "<uuid>") };
      }),
  },
  {
    name: "grant_type_at_authorization",
    why: "the reference sends `grant_type` to the authorization endpoint, where it means nothing (RFC 6749 §4.1.1)",
    apply: (requests) =>
      mapped(requests, (request, kind) =>
        kind === "authorization" ? { ...request, query: request.query.filter(([name]) => name !== "grant_type") } : request,
      ),
  },
  {
    name: "nameless_parameter",
    why: "the reference replaces a parameter's name by nothing and sends its value alone",
    apply: (requests) => mapped(requests, (request) => ({ ...request, query: request.query.filter(([name]) => name !== "") })),
  },
  {
    name: "scope_twice",
    why: "the reference sends `scope` of the definition and `scope` of the configuration",
    apply: (requests, { ours }) =>
      mapped(requests, (request, kind, index) => {
        const scopes = parameters(request).filter(([name]) => name === "scope");
        const own = parameters(ours[kind][index]).find(([name]) => name === "scope");
        if (scopes.length < 2 || own === undefined) return request;
        return withParameters(request, (all) => all.filter(([name, value]) => name !== "scope" || value === own[1]));
      }),
  },
  {
    name: "scope_fixed",
    why: "the definition fixes the scope under `authorization_params`, and the reference leaves out the scopes that are asked for",
    apply: (requests, { entry, ours }) =>
      mapped(requests, (request, kind, index) => {
        if (kind !== "authorization" || entry.authorization_params?.scope === undefined) return request;
        const own = ours.authorization[index]?.query.find(([name]) => name === "scope");
        return own === undefined
          ? request
          : { ...request, query: request.query.map((pair) => (pair[0] === "scope" ? own : pair)) };
      }),
  },
  {
    name: "json_called_form",
    why: "the reference sends JSON and calls it a form",
    apply: (requests) =>
      mapped(requests, (request) =>
        request.type === "application/x-www-form-urlencoded" &&
        !isPairs(request.body) &&
        request.body !== null &&
        typeof request.body === "object"
          ? { ...request, type: "application/json" }
          : request,
      ),
  },
  {
    name: "header_dropped",
    why: "the definition adds a header to token requests, and the reference leaves it out",
    apply: (requests, { entry, ours }) =>
      mapped(requests, (request, kind, index) => {
        const declared = Object.keys(entry.token_headers ?? {}).map((name) => name.toLowerCase());
        const own = ours[kind][index]?.headers ?? {};
        const lacking = declared.filter((name) => request.headers[name] === undefined && own[name] !== undefined);
        const added = Object.fromEntries(lacking.map((name) => [name, own[name] ?? ""]));
        const all = { ...request.headers, ...added };
        return { ...request, headers: Object.fromEntries(Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1))) };
      }),
  },
  {
    name: "time_in_signature",
    why: "a digest of a time or of a random id is different each time",
    apply: (requests, { entry, ours }) =>
      mapped(requests, (request, kind, index) => {
        const names = Object.entries(entry.token_headers ?? {}).filter(([, text]) =>
          /\w+\(.*\$\{(now|random)/.test(String(text)),
        );
        const own = ours[kind][index]?.headers ?? {};
        const digests = names
          .map(([name]) => name.toLowerCase())
          .filter((name) => request.headers[name]?.length === own[name]?.length);
        const replaced = Object.fromEntries(digests.map((name) => [name, own[name] ?? ""]));
        return { ...request, headers: { ...request.headers, ...replaced } };
      }),
  },
  {
    name: "first_step_only",
    why: "the reference stops after the first of several steps",
    apply: (requests, { entry, ours }) => {
      const steps = Array.isArray(entry.additional_steps) ? entry.additional_steps.length : 0;
      if (requests.token.length === 0 || steps === 0) return requests;
      return { ...requests, token: [...requests.token, ...ours.token.slice(requests.token.length)] };
    },
  },
];

/** Headers by which the reference's general OAuth client is known; other code, written for one provider, sends others. */
const general = "application/json";

/** Nothing can be compared here, and nothing needs to be: the definition does not tell what that code does. */
export const outside = {
  name: "code_of_its_own",
  why: "the reference makes these requests with code for one provider, which its definition does not hold",
};

/**
 * Whether the reference made an OAuth token request with something else than its general client.
 * @param {{ auth_mode: string, token?: import("./canonical.mjs").Sent[], refresh?: import("./canonical.mjs").Sent[] }} reference
 */
export function isOutsideOfDefinition({ auth_mode, token = [], refresh = [] }) {
  if (auth_mode !== "OAUTH2") return false;
  const accepts = [...token, ...refresh].map(({ headers }) => headers?.accept ?? general);
  return accepts.some((accept) => accept !== general) || token.length > 1;
}
