// What each grant and each way to prove the client needs, and which keys belong to it.

import { appFields, defaultApply } from "../defaults.ts";
import type { Path } from "../source.ts";
import { nearest } from "../suggestion.ts";
import { type OAuth2, oauth2Auths } from "./parameters.ts";
import { type CheckedAuth, type CheckedManifest, type Found, placeOf, type Rule } from "./rule.ts";

type Grant = OAuth2["grant"];

const needed: Readonly<Partial<Record<Grant, { readonly key: "authorization" | "device"; readonly why: string }>>> = {
  authorization_code: { key: "authorization", why: "where people sign in" },
  device_code: { key: "device", why: "where codes for a second device come from" },
};

function* missingKeys(checked: CheckedManifest): Iterable<Found> {
  for (const { auth, path } of oauth2Auths(checked)) {
    const { key, why } = needed[auth.grant] ?? {};
    if (key === undefined || auth[key] !== undefined) continue;
    yield { path: [...path, key], message: `The grant ${auth.grant} needs \`${key}\`, ${why}.` };
  }
  for (const { auth, path } of checked.auths) {
    if (auth.type !== "custom" || auth.refresh?.strategy !== "refresh_token" || auth.refresh.request) continue;
    const message = "The strategy refresh_token needs `refresh.request`: the token's own request knows of no refresh token.";
    yield { path: [...path, "refresh", "request"], message };
  }
}

function* userSteps(checked: CheckedManifest): Iterable<Found> {
  for (const { auth, path } of oauth2Auths(checked)) {
    if (auth.grant === "authorization_code") continue;
    const why = auth.grant === "device_code" ? "whose user step is on another device" : "which has no user step";
    for (const key of ["authorization", "callback"] as const) {
      if (auth[key] === undefined) continue;
      yield { path: [...path, key], on: "key", message: `\`${key}\` does not belong to the grant ${auth.grant}, ${why}.` };
    }
  }
}

/** Keys that belong to one grant only. */
const ofGrant = {
  device: "device_code",
  assertion: "jwt_bearer",
  acknowledge_risk: "password",
  store_password: "password",
} as const;

function* strangeKeys(checked: CheckedManifest): Iterable<Found> {
  for (const { auth, path } of oauth2Auths(checked)) {
    for (const key of ["device", "assertion", "acknowledge_risk", "store_password"] as const) {
      if (auth[key] === undefined || auth.grant === ofGrant[key]) continue;
      const message = `\`${key}\` belongs to the grant ${ofGrant[key]}, and this is ${auth.grant}.`;
      yield { path: [...path, key], on: "key", message };
    }
  }
}

function* passwords(checked: CheckedManifest): Iterable<Found> {
  for (const { auth, path } of oauth2Auths(checked)) {
    if (auth.grant !== "password" || auth.acknowledge_risk === "password_grant") continue;
    yield { path: [...path, "grant"], message: "The grant password hands a person's password to this platform." };
  }
}

/** What asks for a password again that is erased after the first token. */
function* erasedPasswords(checked: CheckedManifest): Iterable<Found> {
  for (const { auth, path } of oauth2Auths(checked)) {
    if (auth.grant !== "password" || auth.store_password !== false) continue;
    const message = "The password is needed again, and `store_password: false` erases it.";
    if (auth.refresh?.strategy === "reissue") yield { path: [...path, "refresh", "strategy"], message };
    if (auth.refresh?.on_invalid_grant === "reauthenticate") yield { path: [...path, "refresh", "on_invalid_grant"], message };
  }
  for (const use of checked.uses()) {
    const { path, place } = use.text;
    const [root, name] = use.reference.path;
    if (root !== "fields" || name !== "password" || place === "token.params") continue;
    const erases = ({ auth }: CheckedAuth) =>
      auth.type === "oauth2" && auth.grant === "password" && auth.store_password === false;
    if (path[0] !== "auth" || !checked.authsOf(use.text).some(erases)) continue;
    yield { ...placeOf(use, 1), message: "The password is needed here, and `store_password: false` erases it." };
  }
}

/** What signs or is shown where the manifest does not say, by its name under `app`. */
function keysOf(auth: CheckedAuth["auth"]): { readonly names: readonly string[]; readonly at: Path } | undefined {
  if (auth.type === "oauth1")
    return auth.signature_method === "RSA-SHA1" ? { names: ["private_key"], at: ["signature_method"] } : undefined;
  if (auth.type !== "oauth2") return undefined;
  const { authentication, assertion, certificate = "none" } = auth.client ?? {};
  if (certificate !== "none") return { names: ["certificate", "private_key"], at: ["client", "certificate"] };
  if (authentication === "tls_client_auth") return { names: ["certificate", "private_key"], at: ["client", "authentication"] };
  if (authentication === "private_key_jwt" && assertion?.key === undefined) {
    return { names: ["private_key"], at: ["client", "authentication"] };
  }
  return auth.grant === "jwt_bearer" && auth.assertion?.key === undefined ? { names: ["private_key"], at: ["grant"] } : undefined;
}

/** Of what is known of every app, these are asked for only where the manifest says so. */
const onRequest: ReadonlySet<string> = new Set(["private_key", "key_id", "certificate"]);

function* missingKeysOfApp(checked: CheckedManifest): Iterable<Found> {
  for (const { auth, path } of checked.auths) {
    const asked = appFields(auth).map(({ name }) => name);
    const { names = [], at = [] } = keysOf(auth) ?? {};
    const lacking = names.filter((name) => !asked.includes(name));
    if (lacking.length === 0) continue;
    yield { path: [...path, ...at], message: `Nobody is asked for \`app.${lacking.join("` and `app.")}\`, which this needs.` };
  }
}

function* namedKeysOfApp(checked: CheckedManifest): Iterable<Found> {
  for (const use of checked.uses()) {
    const [root, name = ""] = use.reference.path;
    if (root !== "app") continue;
    const auths = checked.authsOf(use.text).map(({ auth }) => auth);
    const nobody = auths.every((auth) => auth.type === "oauth2" && auth.client?.source === "none");
    const asked = !onRequest.has(name) || auths.some((auth) => appFields(auth).some((field) => field.name === name));
    if (asked && !nobody) continue;
    const hint = nobody ? "There is no client: choose another `client.source`, or name something else." : undefined;
    yield { ...placeOf(use, 1), message: `Nobody is asked for \`app.${name}\`.`, hint };
  }
}

function* revocationTargets(checked: CheckedManifest): Iterable<Found> {
  for (const { auth, path } of checked.auths) {
    if ((auth.type !== "oauth2" && auth.type !== "custom") || auth.revocation === undefined) continue;
    const targets = (["url", "request", "none"] as const).filter((key) => key in (auth.revocation as object));
    if (targets.length === 1) continue;
    const known = auth.type === "custom" ? "`request` nor `none`" : "`url` nor `request`";
    const message =
      targets.length === 0 ? `\`revocation\` has neither ${known}.` : `\`revocation\` has both \`${targets.join("` and `")}\`.`;
    yield { path: [...path, "revocation"], on: "key", message };
  }
}

function* withoutRevocation({ auths }: CheckedManifest): Iterable<Found> {
  for (const { id, auth, path } of auths) {
    if ((auth.type !== "oauth2" && auth.type !== "custom") || auth.revocation !== undefined) continue;
    if (auth.type === "custom" && auth.token === undefined) continue;
    yield { path, on: "key", message: `A connection of auth.${id} that is removed stays valid at the provider.` };
  }
}

const signing: ReadonlySet<string> = new Set(["private_key_jwt", "client_secret_jwt"]);

function* withoutEffect(checked: CheckedManifest): Iterable<Found> {
  for (const { auth, path } of oauth2Auths(checked)) {
    const { client } = auth;
    if (client?.assertion && !signing.has(client.authentication ?? "")) {
      yield idle([...path, "client", "assertion"], "only private_key_jwt and client_secret_jwt sign one");
    }
    yield* ofMetadata(auth, path);
    yield* ofApp(client, path);
    yield* ofEndpoint(auth.revocation, path);
  }
}

/** What a provider's metadata offer has no effect where nobody asks for them, or where the manifest says otherwise. */
function* ofMetadata({ dpop = "off", issuer, apply, token, authorization }: OAuth2, path: Path): Generator<Found> {
  const why = apply
    ? "`apply` says how the token is sent"
    : token.then
      ? "`token.then` exchanges the token for another"
      : undefined;
  if (dpop !== "off" && why !== undefined) yield idle([...path, "dpop"], why);
  if (issuer !== undefined) return;
  const unknown = "without `issuer` nothing is known of what the provider offers";
  if (dpop === "if_offered" && why === undefined) yield idle([...path, "dpop"], unknown);
  if (authorization?.par === "if_offered") yield idle([...path, "authorization", "par"], unknown);
}

const nobodys: Readonly<Record<string, string>> = { connection: "the user brings the client", none: "there is no client" };

/** What the admin's app needs has no effect where there is none. */
function* ofApp(client: OAuth2["client"], path: Path): Generator<Found> {
  const why = nobodys[client?.source ?? "app"];
  if (why === undefined) return;
  if (client?.registration) yield idle([...path, "client", "registration"], why);
  if (client?.fields && client.source === "none") yield idle([...path, "client", "fields"], why);
}

/** What is about an endpoint of the authorization server has no effect on another request. */
function* ofEndpoint(revocation: OAuth2["revocation"], path: Path): Generator<Found> {
  if (revocation?.url !== undefined || (!revocation?.request && revocation?.none === undefined)) return;
  for (const key of ["method", "encoding", "headers", "params", "authentication", "tokens"] as const) {
    if (revocation[key] !== undefined) yield idle([...path, "revocation", key], "it belongs to `revocation.url`");
  }
}

/** A key that changes nothing. */
export const idle = (path: Path, why: string): Found => ({
  path,
  on: "key",
  message: `\`${path.at(-1)}\` has no effect: ${why}.`,
});

function* missingApply({ auths }: CheckedManifest): Iterable<Found> {
  for (const { auth, path } of auths) {
    if (signsByItself.has(auth.type) || auth.apply || defaultApply(auth) !== undefined) continue;
    yield { path, on: "key", message: `Which field is the credential of auth.${path[1]} cannot be told.` };
  }
}

/** Nothing is sent, or the engine signs every request. */
const signsByItself: ReadonlySet<string> = new Set(["none", "oauth1"]);

function* issuerMissing(checked: CheckedManifest): Iterable<Found> {
  for (const { auth, path } of oauth2Auths(checked)) {
    if (auth.issuer !== undefined) continue;
    if (auth.callback?.issuer === "required")
      yield { path: [...path, "callback", "issuer"], message: "`iss` is required, and there is no `issuer` to compare it with." };
    if (auth.authorization?.par === "required")
      yield {
        path: [...path, "authorization", "par"],
        message: "Requests must be pushed, and there is no `issuer` whose metadata tells where to.",
      };
  }
}

function* unknownAuths({ manifest, auths }: CheckedManifest): Iterable<Found> {
  const known = auths.map(({ id }) => id);
  for (const [id, { auth = [] }] of Object.entries(manifest.actions ?? {})) {
    for (const [index, name] of auth.entries()) {
      if (known.includes(name)) continue;
      const near = nearest(name, known);
      const hint = near === undefined ? undefined : `Did you mean \`${near}\`?`;
      yield { path: ["actions", id, "auth", index], message: `There is no \`auth.${name}\`.`, hint };
    }
  }
}

export const grantRules: readonly Rule[] = [
  { code: "missing_key", check: missingKeys },
  { code: "no_user_step", check: userSteps },
  { code: "key_not_of_grant", check: strangeKeys },
  { code: "risk_not_acknowledged", check: passwords },
  { code: "password_needed", check: erasedPasswords },
  { code: "app_key_missing", check: missingKeysOfApp },
  { code: "app_key_missing", check: namedKeysOfApp },
  { code: "revocation_unclear", check: revocationTargets },
  { code: "no_revocation", check: withoutRevocation },
  { code: "key_without_effect", check: withoutEffect },
  { code: "missing_apply", check: missingApply },
  { code: "issuer_missing", check: issuerMissing },
  { code: "unknown_auth", check: unknownAuths },
];
