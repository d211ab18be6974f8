import { createHmac, createPublicKey, verify } from "node:crypto";
import type { Seen } from "./odd.ts";

/** What a client is known by, and how it must prove it. */
export interface Credentials {
  readonly client_id: string;
  readonly client_secret: string;
  readonly authentication: keyof typeof proofs;
  readonly id_param: string;
  readonly secret_param: string;
  /** The end of an assertion's audience where `claims` name none. */
  readonly audience: string;
  readonly claims: Readonly<Record<string, unknown>>;
}

type Params = Readonly<Record<string, string>>;
type Body = "form" | "json" | "query";

/** The parameters of a request as they were sent; undefined where they were sent otherwise. */
export function parametersOf(
  seen: Seen,
  encoding: Body,
): { readonly params: readonly (readonly [string, string])[] } | undefined {
  const type = String(seen.headers["content-type"] ?? "");
  if (encoding === "query") return seen.body.length > 0 ? undefined : { params: [...seen.query] };
  if (encoding === "form") return type.startsWith("application/x-www-form-urlencoded") ? { params: [...seen.form] } : undefined;
  if (!type.startsWith("application/json")) return undefined;
  return { params: Object.entries(seen.json).map(([name, value]) => [name, String(value)] as const) };
}

const basic = (user: string, password: string) => `Basic ${Buffer.from(`${user}:${password}`, "utf8").toString("base64")}`;
const formPart = (text: string) => new URLSearchParams({ "": text }).toString().slice(1);
/** Header values are bytes; what a client puts there as UTF-8 arrives as Latin-1 characters. */
const bytes = (text: string) => Buffer.from(text, "utf8").toString("latin1");

interface Claim {
  readonly seen: Seen;
  readonly params: Params;
  readonly credentials: Credentials;
}

const isAuthorized = ({ seen }: Claim, ...values: readonly string[]) => values.includes(seen.headers.authorization ?? "");
const isId = ({ params, credentials }: Claim) => params[credentials.id_param] === credentials.client_id;

function isBasic(claim: Claim): boolean {
  const { client_id, client_secret } = claim.credentials;
  return isAuthorized(claim, basic(formPart(client_id), formPart(client_secret)));
}

/** The ways in which a client can prove itself: whether it has, and with which parameters. */
const proofs = {
  client_secret_post: (claim: Claim) =>
    isId(claim) && claim.params[claim.credentials.secret_param] === claim.credentials.client_secret,
  client_secret_basic: isBasic,
  client_secret_basic_raw: (claim: Claim) =>
    isAuthorized(claim, basic(claim.credentials.client_id, claim.credentials.client_secret)),
  /** As well as Basic, the ID must stand in the body. */
  "basic and client_id": (claim: Claim) => isBasic(claim) && isId(claim),
  /** The secret as user name, without a password. */
  "basic with the secret alone": (claim: Claim) => isAuthorized(claim, basic(claim.credentials.client_secret, "")) && isId(claim),
  query: ({ seen, credentials }: Claim) =>
    seen.query.get(credentials.id_param) === credentials.client_id &&
    seen.query.get(credentials.secret_param) === credentials.client_secret,
  bearer: (claim: Claim) =>
    isAuthorized(claim, bytes(`Bearer ${claim.credentials.client_secret}`), `Bearer ${claim.credentials.client_secret}`),
  "header Client": (claim: Claim) =>
    isId(claim) &&
    isAuthorized(claim, bytes(`Client ${claim.credentials.client_secret}`), `Client ${claim.credentials.client_secret}`),
  "header X-Api-Key": ({ seen, credentials }: Claim) =>
    [credentials.client_secret, bytes(credentials.client_secret)].includes(String(seen.headers["x-api-key"])),
  private_key_jwt: (claim: Claim) => isId(claim) && isAssertion(claim),
  client_secret_jwt: (claim: Claim) => isId(claim) && isAssertion(claim),
  none: isId,
  nothing: () => true,
} as const satisfies Record<string, (claim: Claim) => boolean>;

/** Each place where a client could prove itself. */
function places({ seen, params, credentials }: Claim): readonly string[] {
  const { secret_param } = credentials;
  return [
    ...(seen.headers.authorization === undefined ? [] : ["Authorization"]),
    ...(seen.headers["x-api-key"] === undefined ? [] : ["X-Api-Key"]),
    ...(secret_param in params || seen.query.has(secret_param) ? [secret_param] : []),
    ...("client_assertion" in params ? ["client_assertion"] : []),
  ];
}

const withoutPlace = new Set<Credentials["authentication"]>(["none", "nothing"]);
const withId = new Set<Credentials["authentication"]>([
  "client_secret_post",
  "basic and client_id",
  "basic with the secret alone",
  "header Client",
  "private_key_jwt",
  "client_secret_jwt",
  "none",
]);

/** Whether the client is who it says, by exactly one proof (RFC 6749 §2.3); and the parameters that were no part of it. */
export function authenticate(
  credentials: Credentials,
  seen: Seen,
  params: Params,
): { readonly fault?: string; readonly rest: Params } {
  const claim = { seen, params, credentials };
  const { id_param, secret_param, authentication } = credentials;
  const own = [secret_param, "client_assertion", "client_assertion_type"];
  if (withId.has(authentication) || (authentication === "query" && seen.query.has(id_param))) own.push(id_param);
  const rest = Object.fromEntries(Object.entries(params).filter(([name]) => !own.includes(name)));
  const found = places(claim);
  if (found.length !== (withoutPlace.has(authentication) ? 0 : 1)) return { fault: `proofs: ${found}`, rest };
  return proofs[authentication](claim) ? { rest } : { fault: `not proved by ${authentication}: ${found}`, rest };
}

const part = (text: string): Record<string, unknown> => JSON.parse(Buffer.from(text, "base64url").toString("utf8"));

/** A JSON Web Token's header and claims, if a key has signed it (RFC 7515). */
function readJwt(jwt: string, key: string): { header: Record<string, unknown>; claims: Record<string, unknown> } | undefined {
  const [head = "", payload = "", signature = ""] = jwt.split(".");
  const header = part(head);
  const signed = Buffer.from(`${head}.${payload}`);
  const given = Buffer.from(signature, "base64url");
  const checks: Readonly<Record<string, () => boolean>> = {
    HS256: () => createHmac("sha256", key).update(signed).digest().equals(given),
    RS256: () => verify("sha256", signed, createPublicKey(key), given),
    ES256: () => verify("sha256", signed, { key: createPublicKey(key), dsaEncoding: "ieee-p1363" }, given),
  };
  return checks[String(header.alg)]?.() ? { header, claims: part(payload) } : undefined;
}

/** A client's own assertion (RFC 7523 §2.2). */
function isAssertion({ seen, params, credentials }: Claim): boolean {
  const { client_id, client_secret, audience, claims } = credentials;
  if (params.client_assertion_type !== "urn:ietf:params:oauth:client-assertion-type:jwt-bearer") return false;
  const aud = `http://${seen.headers.host}${audience}`;
  return isSigned(params.client_assertion ?? "", {
    key: client_secret,
    alg: "HS256",
    aud,
    iss: client_id,
    sub: client_id,
    ...claims,
  });
}

/** RFC 7523 §3: `key` and `alg` are what it is signed with, `kid` stands in its header, and the rest is what it must claim. */
export function isSigned(text: string, { key, alg, kid, ...claims }: Readonly<Record<string, unknown>>): boolean {
  const jwt = readJwt(text, String(key));
  if (jwt === undefined || jwt.header.alg !== alg || jwt.header.kid !== kid) return false;
  return Object.entries(claims).every(([name, value]) => jwt.claims[name] === value) && isFresh(jwt.claims);
}

const used = new Set<unknown>();

/** Each assertion lives for five minutes at most and is good once. */
function isFresh({ exp, iat, jti }: Record<string, unknown>): boolean {
  if (typeof exp !== "number" || typeof iat !== "number" || exp - iat > 300 || typeof jti !== "string" || used.has(jti))
    return false;
  used.add(jti);
  return exp * 1000 > Date.now();
}
