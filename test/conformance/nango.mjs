// @ts-check
/*
 * Compares the requests of imported definitions with those that the system they come from makes.
 *
 *   NANGO_CONFORMANCE=/path node test/conformance/nango.mjs [NAME…]
 *
 * The folder holds `providers.json` (a map of definitions) and `requests.json`: per provider `connection_config`, `credentials`, `scopes`
 * (separated by commas) and the lists `authorization`, `token`, `refresh` of {method, url, headers, body}. With NAMEs, what differs is
 * shown for them. Exit status 1 if too little is imported or equal.
 */
import { generateKeyPairSync } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { canonical, isSame } from "./canonical.mjs";
import { isOutsideOfDefinition, outside, rules } from "./rules.mjs";

const wanted = { imported: 0.98, equal: 0.97 };
// biome-ignore lint/suspicious/noUndeclaredEnvVars: no task depends on it; the data stays with whoever has it.
const folder = process.env.NANGO_CONFORMANCE;
if (folder === undefined) {
  console.error("NANGO_CONFORMANCE names no folder.");
  process.exit(2);
}
const load = (/** @type {string} */ path) => import(new URL(`../../packages/${path}`, import.meta.url).href);
const { compile } = await load("manifest/dist/index.js");
const { previewRequests } = await load("engine/dist/index.js");
const { importNango } = await load("cli/dist/import/nango.js");
const { snakeCase } = await load("cli/dist/import/identifier.js");

/** @param {string} name @returns {Record<string, any>} */
const read = (name) => JSON.parse(readFileSync(join(String(folder), name), "utf8"));
const providers = read("providers.json");
const references = read("requests.json");
const chosen = process.argv.slice(2);

const basic = `Basic ${Buffer.from("CID:CSEC").toString("base64")}`;
/** @type {readonly ("authorization" | "token" | "refresh")[]} */
const kinds = ["authorization", "token", "refresh"];

/** Keys that sign something, made for this run. */
const keys = {
  ec: generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ type: "pkcs8", format: "pem" }),
  rsa: generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ type: "pkcs8", format: "pem" }),
};

/**
 * A value as the form takes it: what the form shows before and behind the box is no part of it, and a whole URL has its scheme.
 * @param {any} field
 * @param {string} value
 */
function typed(field, value) {
  if (field === undefined) return value;
  const { prefix = "", suffix = "", pattern = "" } = field;
  const bare = value.startsWith(prefix) ? value.slice(prefix.length) : value;
  const short = suffix !== "" && bare.endsWith(suffix) ? bare.slice(0, -suffix.length) : bare;
  return pattern.startsWith("^https://") && !/^https?:/.test(short) ? `https://${short}` : short;
}

/** @param {Record<string, any>} entry @param {Record<string, any>} reference @param {Record<string, any>} connector */
async function preview(entry, reference, connector) {
  const given = { ...reference.credentials, ...reference.connection_config };
  const [auth] = Object.values(connector.auth);
  const key = JSON.stringify(entry).includes("ES256") ? keys.ec : keys.rsa;
  const named = Object.fromEntries(
    Object.entries(given).map(([name, value]) => {
      const own = snakeCase(name);
      const field = /** @type {any} */ (auth).fields.find((/** @type {any} */ one) => one.name === own);
      return [own, value === "<throw-away key>" ? key : typed(field, String(value))];
    }),
  );
  const fields = { client_id: "CID", client_secret: "CSEC", ...named };
  const { requests, problems } = await previewRequests(connector, {
    fields,
    callback: named,
    token: named,
    client_id: "CID",
    client_secret: "CSEC",
    redirect_uri: "https://cb.example.test/oauth/callback",
    state: "STATE",
    code: "CODE",
    code_verifier: "v".repeat(48),
    refresh_token: "OLD_RT",
    access_token: "AT",
    scopes: String(reference.scopes ?? "").split(","),
    app: { certificate: "CERT", private_key: "KEY" },
  });
  return { requests, problems: problems.filter((/** @type {any} */ { kind }) => kinds.includes(kind)) };
}

/** @param {any[]} requests @param {readonly string[]} declared */
function ourRequests(requests, declared) {
  const of = (/** @type {readonly string[]} */ ...own) =>
    requests.filter(({ kind }) => own.includes(kind)).map((sent) => canonical(sent, declared));
  return { authorization: of("authorization"), token: of("token", "then"), refresh: of("refresh") };
}

/** @param {string} provider @param {Record<string, any>} reference */
async function compare(provider, reference) {
  const { text, reason } = importNango(providers, provider);
  if (text === undefined) return { outcome: "cannot be expressed", because: reason };
  const { connector } = compile(text, { file: provider });
  const entry = providers[provider];
  const { requests, problems } = await preview(entry, reference, connector);
  const declared = Object.keys(entry.token_headers ?? {}).map((name) => name.toLowerCase());
  const ours = ourRequests(requests, declared);
  /** @type {import("./rules.mjs").Requests} */
  let theirs = { authorization: [], token: [], refresh: [] };
  for (const kind of kinds) theirs[kind] = (reference[kind] ?? []).map((/** @type {any} */ sent) => canonical(sent, declared));
  const compared = kinds.filter((kind) => theirs[kind].length > 0);
  const equal = () => compared.every((kind) => isSame(theirs[kind], ours[kind]));
  if (equal()) return { outcome: "equal", by: [] };
  const by = [];
  for (const { name, apply } of rules) {
    const changed = apply(theirs, { entry, ours, basic });
    if (!isSame(changed, theirs)) by.push(name);
    theirs = changed;
  }
  if (equal()) return { outcome: "equal", by };
  if (isOutsideOfDefinition(/** @type {any} */ (reference))) return { outcome: "outside" };
  const because = problems[0]?.message;
  const shown = compared
    .filter((kind) => !isSame(theirs[kind], ours[kind]))
    .map((kind) => ({ kind, reference: theirs[kind], ours: ours[kind] }));
  return { outcome: because === undefined ? "differs" : "cannot be expressed", because, shown };
}

/** @type {Map<string, string[]>} */
const counts = new Map();
const count = (/** @type {string} */ what, /** @type {string} */ provider) =>
  counts.set(what, [...(counts.get(what) ?? []), provider]);

const names = chosen.length > 0 ? chosen : Object.keys(providers);
const imported = names.filter((provider) => {
  const { text, reason } = importNango(providers, provider);
  if (text === undefined) count(`not imported, because ${reason}`, provider);
  return text !== undefined;
});
let equal = 0;
let outsiders = 0;
const known = names.filter((provider) => Object.hasOwn(references, provider));
for (const provider of known) {
  const result = await compare(provider, references[provider]);
  if (result.outcome === "outside") {
    outsiders++;
    count(`not comparable: ${outside.name}`, provider);
  } else if (result.outcome === "equal") {
    equal++;
    const by = result.by ?? [];
    count(by.length === 0 ? "equal" : `equal under ${by.join(", ")}`, provider);
  } else count(result.outcome === "differs" ? "differs" : `cannot be expressed, because ${result.because}`, provider);
  if (chosen.length > 0) console.log(provider, JSON.stringify(result, null, 2));
}

for (const [what, of] of [...counts].sort(([, a], [, b]) => b.length - a.length)) {
  const isNotable = !what.startsWith("equal");
  console.log(`${String(of.length).padStart(4)}  ${what}${isNotable ? `: ${of.join(", ")}` : ""}`);
}
console.log("\nRules:");
for (const { name, why } of [...rules, outside]) console.log(`  ${name}: ${why}`);
const shares = { imported: imported.length / names.length, equal: known.length === 0 ? 1 : (equal + outsiders) / known.length };
console.log(`\nimported ${imported.length} of ${names.length} (${(shares.imported * 100).toFixed(1)} %)`);
const percent = (shares.equal * 100).toFixed(1);
console.log(`the same requests, or a named difference, for ${equal} + ${outsiders} of ${known.length} (${percent} %)`);
if (chosen.length === 0) process.exitCode = shares.imported < wanted.imported || shares.equal < wanted.equal ? 1 : 0;
