import { createHash } from "node:crypto";
import { afterwards } from "../harness/cleanup.ts";
import { backTo, type OddProvider, type Reply, type Seen, startOddProvider } from "./odd.ts";
import { bodies, lifetimes, type TokenAnswer } from "./quirk-answers.ts";
import { authenticate, type Credentials, isSigned, parametersOf } from "./quirk-clients.ts";
import { type Account, Ledger } from "./quirk-ledger.ts";

/**
 * What one realm of the quirk server does otherwise than RFC 6749 says. A switch is named like the key of the manifest that expresses
 * it, and its value is what the server insists on. Where nothing is switched, the server is strict: it refuses every parameter that it
 * does not know, and every client that proves itself in two ways.
 */
export interface Switches {
  readonly "client.authentication"?: Credentials["authentication"];
  readonly "client.id_param"?: string;
  readonly "client.secret_param"?: string;
  /** Where an assertion is checked: the claims that it must hold. */
  readonly "client.assertion"?: Readonly<Record<string, unknown>>;

  readonly "authorization.rename"?: Readonly<Record<string, string>>;
  /** Further parameters that must come, with these values; null: a parameter of RFC 6749 that is refused. */
  readonly "authorization.params"?: Readonly<Record<string, string | RegExp | null>>;
  readonly "authorization.pkce"?: "S256" | "S256-hex" | "plain" | "none";
  /** The parameters' names, in the order in which they must stand. */
  readonly "authorization.order"?: readonly string[];
  readonly "scopes.separator"?: string;
  readonly "scopes.param"?: string;

  readonly "callback.code"?: string;
  /** What becomes of the code on its way back. */
  readonly "callback.encode"?: (code: string) => string;
  readonly "callback.fragment"?: string;
  /** Further parameters of the callback. */
  readonly "callback.capture"?: Readonly<Record<string, string>>;
  /** What the client calls its redirect URL. */
  readonly "callback.redirect_uri"?: string;
  /** The callback brings no code; who it is for is in the captures. */
  readonly "callback.codeless"?: true;

  readonly "token.path"?: string;
  readonly "token.method"?: "GET" | "PUT";
  readonly "token.encoding"?: "form" | "json" | "query";
  readonly "token.rename"?: Readonly<Record<string, string>>;
  readonly "token.params"?: Parameters;
  readonly "token.headers"?: Readonly<Record<string, string | RegExp>>;
  /** How a token answer is written down. */
  readonly "token.answer"?: keyof typeof bodies;
  /** How the lifetime is told. */
  readonly "token.response.expires_in"?: keyof typeof lifetimes;
  /** What is changed in an answer before it is written down. */
  readonly "token.response"?: (answer: TokenAnswer, moment: "exchange" | "refresh") => TokenAnswer;
  /** What is answered in place of a token. */
  readonly "token.error"?: (moment: "exchange" | "refresh") => Reply | undefined;
  /** How many further exchanges are needed before the API takes a token. */
  readonly "token.then"?: number;
  /** The code is asked for at the further exchange. */
  readonly "token.then.code"?: true;
  readonly "token.grants"?: readonly string[];
  readonly "token.assertion"?: Readonly<Record<string, unknown>>;

  readonly "refresh.path"?: string;
  readonly "refresh.method"?: "GET";
  readonly "refresh.params"?: Parameters;
  readonly "refresh.subject"?: "access_token";
  readonly "refresh.rotation"?: "never" | "maybe" | "always";
  /** Milliseconds in which a refresh token that was replaced is answered with its successor. */
  readonly "refresh.grace"?: number;
  readonly "refresh.min_age"?: number;
  readonly "refresh.max_age"?: number;
  readonly "refresh.idle_max"?: number;
  /** What the loser of a race is told. */
  readonly "refresh.reused"?: Reply;

  readonly "revocation.method"?: "GET" | "DELETE";
  readonly "revocation.encoding"?: "json" | "query";
  readonly "revocation.params"?: readonly string[];
  readonly "revocation.authentication"?: Credentials["authentication"];

  readonly apply?: (seen: Seen) => string | undefined;
  /** Below which path the API lives. */
  readonly base_url?: string;
  /** Further headers or parameters that the API insists on. */
  readonly default_params?: (seen: Seen, account: Account) => boolean;
}

type Parameters = Readonly<Record<string, string | RegExp | null | ((realm: Realm) => string)>>;

/** The person at this provider. */
const person = { id: "acct-1815", name: "Ada" } as const;

const lifetime = 3600;

/** The person's password at the servers that want it. */
export const password = "canary-pass:/+% & word é";

/** How every client's secret begins. */
export const secretBeginning = "canary-s3cr3t:/+% & space é ";

export interface QuirkServer {
  readonly odd: OddProvider;
  readonly url: string;
  realm(name: string, switches?: Switches): Realm;
}

/** An authorization server with its API whose realms each have manners of their own. */
export async function startQuirkServer(): Promise<QuirkServer> {
  const realms = new Map<string, Realm>();
  const answer = (seen: Seen): Reply => {
    const [, name = "", path = "/"] = /^\/([^/]+)(\/.*)$/.exec(seen.path) ?? [];
    return realms.get(name)?.answer(seen, path) ?? { status: 404, body: "no such realm" };
  };
  const odd = await startOddProvider(new Proxy({}, { get: () => answer }));
  afterwards(() => realms.clear());
  return {
    odd,
    url: odd.url,
    realm(name, switches = {}) {
      const realm = new Realm(odd.url, name, switches);
      realms.set(name, realm);
      return realm;
    },
  };
}

const refused = (error: string, error_description: string, status = 400): Reply => ({
  status,
  body: { error, error_description },
});

class Refusal extends Error {
  readonly reply: Reply;
  constructor(error: string, description: string, status = 400) {
    super(description);
    this.reply = refused(error, description, status);
  }
}

/** One authorization server with one client and one API. */
export class Realm {
  readonly url: string;
  readonly client: { readonly client_id: string; readonly client_secret: string };
  readonly switches: Switches;
  readonly ledger: Ledger;
  /** Everything that was asked here. */
  readonly seen: Seen[] = [];
  /** Why requests were refused. */
  readonly refusals: string[] = [];
  /** The client's redirect URL, as it is registered here. */
  redirect = "";

  constructor(origin: string, name: string, switches: Switches) {
    this.url = `${origin}/${name}`;
    this.switches = switches;
    this.ledger = new Ledger({
      rotation: switches["refresh.rotation"] ?? "never",
      grace: switches["refresh.grace"] ?? 0,
      min_age: switches["refresh.min_age"] ?? 0,
      max_age: switches["refresh.max_age"] ?? Number.POSITIVE_INFINITY,
      idle_max: switches["refresh.idle_max"] ?? Number.POSITIVE_INFINITY,
    });
    this.client = { client_id: `client:/+% & space é ${name}`, client_secret: `${secretBeginning}${name}` };
  }

  at(path: string): Seen[] {
    return this.seen.filter((one) => one.path === new URL(this.url + path).pathname);
  }

  answer(seen: Seen, path: string): Reply {
    this.seen.push(seen);
    try {
      return this.#route(seen, path);
    } catch (cause) {
      if (!(cause instanceof Refusal)) throw cause;
      this.refusals.push(`${path}: ${cause.message}`);
      return cause.reply;
    }
  }

  #route(seen: Seen, path: string): Reply {
    const token = this.switches["token.path"] ?? "/token";
    const api = `/api${this.switches.base_url ?? ""}/`;
    if (path === "/authorize") return this.#authorize(seen);
    if (path === token) return this.#token(seen);
    if (path === this.switches["refresh.path"]) return this.#token(seen);
    if (path === "/step") return this.#step(seen);
    if (path === "/revoke" || path.startsWith("/tokens/")) return this.#revoke(seen, path);
    if (path === "/introspect") return this.#introspect(seen);
    if (path.startsWith(api)) return this.#api(seen, path.slice(api.length - 1));
    if (`${path}/` === token) return { status: 301, headers: { location: `${this.url}${token}` } };
    return { status: 404, body: { error: "not_found" } };
  }

  /** The authorization endpoint; whoever asks rightly has already consented. */
  #authorize({ query, target }: Seen): Reply {
    const { "authorization.rename": rename = {}, "authorization.params": further = {}, ...switches } = this.switches;
    const own = (name: string) => rename[name] ?? name;
    const id = own(switches["client.id_param"] ?? "client_id");
    const scope = own(switches["scopes.param"] ?? "scope");
    const redirect = switches["callback.redirect_uri"];
    const pkce = switches["authorization.pkce"] ?? "S256";
    const expected: Record<string, string | RegExp | null> = {
      [own("response_type")]: "code",
      [id]: this.client.client_id,
      [own("redirect_uri")]: redirect ?? this.redirect,
      [scope]: ["read", "write"].join(switches["scopes.separator"] ?? " "),
      [own("state")]: /^.{43}$/,
      ...(pkce === "none" ? {} : { code_challenge: /./, code_challenge_method: pkce.replace("-hex", "") }),
      ...further,
    };
    refuseOthers("authorization", [...query], expected);
    const order = switches["authorization.order"] ?? [];
    if ([...query.keys()].slice(0, order.length).join() !== order.join())
      throw new Refusal("invalid_request", `order: ${target}`);
    const challenge = query.get("code_challenge") ?? undefined;
    const code = this.ledger.code({ challenge, redirect_uri: query.get(own("redirect_uri")) ?? "", pkce });
    const encode = switches["callback.encode"] ?? ((plain: string) => plain);
    const back = backTo(redirect === undefined ? query.get(own("redirect_uri")) : this.redirect, {
      ...(switches["callback.codeless"] ? {} : { [switches["callback.code"] ?? "code"]: encode(code) }),
      [own("state")]: query.get(own("state")),
      ...switches["callback.capture"],
    });
    return { ...back, headers: { location: `${back.headers?.location}${switches["callback.fragment"] ?? ""}` } };
  }

  /** The token endpoint: one request, one proof of the client, and no parameter too many. */
  #token(seen: Seen): Reply {
    const { switches } = this;
    const refreshes = switches["refresh.path"] !== undefined && seen.path.endsWith(switches["refresh.path"]);
    const encoding = switches["token.encoding"] ?? (switches["token.method"] === "GET" ? "query" : "form");
    const method = (refreshes ? switches["refresh.method"] : switches["token.method"]) ?? "POST";
    if (seen.method !== method) throw new Refusal("invalid_request", `${seen.method} is not ${method}`, 405);
    for (const [name, value] of Object.entries(switches["token.headers"] ?? {}))
      if (!matches(String(seen.headers[name.toLowerCase()] ?? ""), value))
        throw new Refusal("invalid_request", `header ${name}`, 429);
    const sent = parametersOf(seen, method === "GET" ? "query" : encoding);
    if (sent === undefined) throw new Refusal("invalid_request", `not sent as ${encoding}`, 415);
    const rename = Object.fromEntries(Object.entries(switches["token.rename"] ?? {}).map(([own, name]) => [name, own]));
    const params: Record<string, string> = {};
    for (const [name, value] of sent.params) params[rename[name] ?? name] = value;
    const left = this.#authenticated(seen, params, switches["client.authentication"]);
    const moment = refreshes || left.grant_type === "refresh_token" || this.#isSubject(left) ? "refresh" : "exchange";
    const error = switches["token.error"]?.(moment);
    if (error !== undefined) return error;
    return this.#write(moment === "refresh" ? this.#refresh(left) : this.#grant(left), moment);
  }

  /** The parameters without the client's proof. */
  #authenticated(
    seen: Seen,
    params: Readonly<Record<string, string>>,
    authentication: Credentials["authentication"] | undefined,
  ) {
    const { switches, client } = this;
    const credentials: Credentials = {
      ...client,
      authentication: authentication ?? "client_secret_post",
      id_param: switches["client.id_param"] ?? "client_id",
      secret_param: switches["client.secret_param"] ?? "client_secret",
      audience: seen.path,
      claims: switches["client.assertion"] ?? {},
    };
    const { fault, rest } = authenticate(credentials, seen, params);
    if (fault !== undefined) throw new Refusal("invalid_client", fault, 401);
    return rest;
  }

  #isSubject(params: Readonly<Record<string, string>>): boolean {
    return this.switches["refresh.subject"] === "access_token" && Object.values(params).some((value) => this.ledger.knows(value));
  }

  #grant(params: Readonly<Record<string, string>>): Account {
    const { switches } = this;
    const further = this.#expected(switches["token.params"]);
    const grants = switches["token.grants"] ?? ["authorization_code"];
    const type = further.grant_type === undefined ? params.grant_type : grants[0];
    if (type === undefined || !grants.includes(type)) throw new Refusal("unsupported_grant_type", `grant type ${type}`);
    const begun = type === "authorization_code" && switches["token.then.code"] === undefined;
    const base = begun ? this.#expectedOfCode(params) : this.#expectedOf(type);
    refuseOthers("token", Object.entries(params), { grant_type: type, ...base, ...further });
    if (begun && further.code !== null) this.#redeem(params);
    const { "token.assertion": assertion } = switches;
    if (
      assertion !== undefined &&
      !isSigned(params.assertion ?? "", { aud: `${this.url}/token`, iss: this.client.client_id, ...assertion })
    )
      throw new Refusal("invalid_grant", "assertion");
    return this.ledger.account();
  }

  #expectedOf(type: string): Record<string, string | RegExp> {
    if (type === "client_credentials") return { scope: "read write" };
    if (type === "password") return { username: "ada@example.com", password, scope: "read write" };
    if (type.endsWith("jwt-bearer")) return { assertion: /./, scope: "read write" };
    return {};
  }

  #expectedOfCode(params: Readonly<Record<string, string>>): Record<string, string | RegExp> {
    const { "authorization.pkce": pkce, "callback.redirect_uri": redirect } = this.switches;
    return {
      code: params.code === undefined ? /./ : /^/,
      redirect_uri: redirect ?? /^http:/,
      ...(pkce === "none" ? {} : { code_verifier: /^[A-Za-z0-9._~-]{43,128}$/ }),
    };
  }

  /** A code is good once, for the redirect URL that it was asked for, and for whoever knows the verifier (RFC 7636 §4.6). */
  #redeem(params: Readonly<Record<string, string>>): void {
    const begun = this.ledger.redeem(params.code ?? "");
    if (begun === undefined) throw new Refusal("invalid_grant", `code ${params.code} is not one of ours`);
    if (params.redirect_uri !== undefined && params.redirect_uri !== begun.redirect_uri)
      throw new Refusal("invalid_grant", "redirect_uri");
    const verifier = params.code_verifier ?? "";
    const digest = (encoding: "base64url" | "hex") => createHash("sha256").update(verifier).digest(encoding);
    const challenges = { S256: digest("base64url"), "S256-hex": digest("hex"), plain: verifier, none: undefined };
    if (begun.challenge !== challenges[begun.pkce]) throw new Refusal("invalid_grant", "code_verifier");
  }

  #refresh(params: Readonly<Record<string, string>>): Account {
    const { switches } = this;
    const subject = switches["refresh.subject"] === "access_token";
    const further = this.#expected(switches["refresh.params"]);
    const base = subject ? {} : { grant_type: "refresh_token", refresh_token: /^/ };
    refuseOthers("refresh", Object.entries(params), { ...base, ...further });
    const token = subject ? Object.values(params).find((value) => this.ledger.knows(value)) : params.refresh_token;
    const spent = subject ? this.ledger.exchange(token ?? "") : this.ledger.refresh(token ?? "");
    if (typeof spent !== "string") return spent;
    this.refusals.push(`refresh: ${spent}`);
    if (spent === "reused" && switches["refresh.reused"] !== undefined) throw new Answered(switches["refresh.reused"]);
    throw new Refusal(spent === "too early" ? "invalid_request" : "invalid_grant", `the refresh token is ${spent}`);
  }

  #expected(params: Parameters = {}): Record<string, string | RegExp | null> {
    return Object.fromEntries(
      Object.entries(params).map(([name, value]) => [name, typeof value === "function" ? value(this) : value]),
    );
  }

  /** Writes a token answer down as the switches say. */
  #write(account: Account, moment: "exchange" | "refresh"): Reply {
    const { switches } = this;
    const plain: TokenAnswer = {
      access_token: account.access_token,
      token_type: "Bearer",
      ...(account.refresh_token === undefined || switches["refresh.subject"] ? {} : { refresh_token: account.refresh_token }),
      ...lifetimes[switches["token.response.expires_in"] ?? "number"](lifetime, Date.now()),
    };
    const changed = switches["token.response"]?.(plain, moment) ?? plain;
    return bodies[switches["token.answer"] ?? "json"](changed);
  }

  /** A further exchange: one token for the next. */
  #step(seen: Seen): Reply {
    const given = seen.query.get("token") ?? /^Bearer (.*)$/.exec(seen.headers.authorization ?? "")?.[1] ?? "";
    const account = this.ledger.holder(given);
    if (account === undefined) throw new Refusal("invalid_token", "no token to exchange", 401);
    if (this.switches["token.then.code"] && account.step === 0) {
      if (this.ledger.redeem(seen.json.code) === undefined) throw new Refusal("invalid_grant", "no code to exchange");
    }
    const next = this.ledger.step(account);
    return { body: { access_token: next, rest_url: `${this.url}/api${this.switches.base_url ?? ""}`, expires_in: lifetime } };
  }

  #revoke(seen: Seen, path: string): Reply {
    const { switches } = this;
    const method = switches["revocation.method"] ?? "POST";
    if (seen.method !== method) throw new Refusal("invalid_request", `${seen.method} is not ${method}`, 405);
    if (path.startsWith("/tokens/")) {
      if (!this.#isApplied(seen)) throw new Refusal("invalid_token", "not authenticated", 401);
      return this.#revoked(decodeURIComponent(path.slice("/tokens/".length)));
    }
    const sent = parametersOf(seen, switches["revocation.encoding"] ?? (method === "GET" ? "query" : "form"));
    if (sent === undefined) throw new Refusal("invalid_request", "encoding", 415);
    const authentication = switches["revocation.authentication"] ?? switches["client.authentication"];
    const rest = this.#authenticated(seen, Object.fromEntries(sent.params), authentication);
    const names = switches["revocation.params"] ?? ["token", "token_type_hint"];
    if (Object.keys(rest).sort().join() !== [...names].sort().join())
      throw new Refusal("invalid_request", `revocation with ${Object.keys(rest)}`);
    return this.#revoked(rest[names[0] ?? ""] ?? "");
  }

  /** RFC 7009 §2.2: a token that nobody knows counts as revoked. */
  #revoked(token: string): Reply {
    this.ledger.revoke(token);
    return { status: 200 };
  }

  #introspect(seen: Seen): Reply {
    const sent = parametersOf(seen, "form");
    const rest = this.#authenticated(seen, Object.fromEntries(sent?.params ?? []), this.switches["client.authentication"]);
    const account = this.ledger.holder(rest.token ?? "");
    if (account === undefined) return { body: { active: false } };
    return { body: { active: true, exp: Math.floor(Date.now() / 1000) + 1800, scope: "read write", token_type: "Bearer" } };
  }

  #isApplied(seen: Seen): Account | undefined {
    const read = this.switches.apply ?? (({ headers }: Seen) => /^Bearer (.*)$/.exec(headers.authorization ?? "")?.[1]);
    const account = this.ledger.holder(read(seen) ?? "");
    return account?.step === (this.switches["token.then"] ?? 0) ? account : undefined;
  }

  #api(seen: Seen, path: string): Reply {
    const account = this.#isApplied(seen);
    if (account === undefined) throw new Refusal("invalid_token", `the API does not take ${seen.headers.authorization}`, 401);
    if (this.switches.default_params?.(seen, account) === false)
      throw new Refusal("invalid_request", "a parameter of the API lacks");
    if (path === "/me") return { body: person };
    if (path === "/items") return { body: { items: [1, 2, 3] } };
    return { status: 404, body: { error: "not_found" } };
  }
}

/** What is said in place of the usual refusal. */
class Answered extends Refusal {
  override readonly reply: Reply;
  constructor(reply: Reply) {
    super("", "answered otherwise");
    this.reply = reply;
  }
}

const matches = (given: string, expected: string | RegExp): boolean =>
  typeof expected === "string" ? given === expected : expected.test(given);

/** Refuses what is missing, what has another value, what comes twice, and what nobody asked for. */
function refuseOthers(
  where: string,
  given: readonly (readonly [string, string])[],
  expected: Readonly<Record<string, string | RegExp | null>>,
): void {
  const wanted = Object.entries(expected).filter(([, value]) => value !== null);
  for (const [name] of given)
    if (!wanted.some(([known]) => known === name)) throw new Refusal("invalid_request", `${where}: unknown parameter ${name}`);
  for (const [name, value] of wanted) {
    const values = given.filter(([own]) => own === name).map(([, one]) => one);
    if (values.length !== 1 || !matches(values[0] ?? "", value ?? ""))
      throw new Refusal(name === "code" ? "invalid_grant" : "invalid_request", `${where}: ${name} is ${values.join()}`);
  }
}
