// What the engine does by itself, and what scopes look like.

import type { Path } from "../source.ts";
import { nearest } from "../suggestion.ts";
import type { CheckedAuth, CheckedManifest, Found, Rule } from "./rule.ts";

type OAuth2 = Extract<CheckedAuth["auth"], { type: "oauth2" }>;

function* oauth({ auths }: CheckedManifest): Generator<{ auth: OAuth2; path: Path }> {
  for (const { auth, path } of auths) if (auth.type === "oauth2") yield { auth, path };
}

/** Parameters of OAuth that the engine sets, and how an author has a say in them. */
const engineParameters: Readonly<Record<string, string>> = {
  grant_type: "It follows from `grant`; remove it.",
  code: "Remove it.",
  redirect_uri: "It is the same for every connection of a connector; remove it.",
  state: "It protects every sign-in and cannot be set; remove it.",
  client_id: "It comes from the app; remove it.",
  client_secret: "It comes from the app, and `client.authentication` says how it is sent; remove it.",
  code_verifier: "Remove it; `authorization.pkce` says whether PKCE is used.",
  code_challenge: "Remove it; `authorization.pkce` says whether PKCE is used.",
  code_challenge_method: "Remove it; `authorization.pkce` says whether PKCE is used.",
  response_type: "It is always `code`; remove it.",
  scope: "Write the scopes under `scopes`.",
  nonce: "Remove it.",
};

/** Of these, `null` may remove the one in token requests: some providers refuse them, and nothing is lost. */
const removable = new Set(["redirect_uri", "scope", "client_id"]);

function* engineOwned(checked: CheckedManifest): Iterable<Found> {
  for (const { name, value, path, auth } of oauthParameters(checked)) {
    const hint = Object.hasOwn(engineParameters, name) ? engineParameters[name] : undefined;
    const isToken = path.at(-3) !== "authorization";
    const renamed = name === "scope" && (auth.scopes?.param ?? "scope") !== "scope";
    if (!hint || renamed || (isToken && value === null && removable.has(name))) continue;
    yield { path, on: "key", message: `\`${name}\` is set by the engine.`, hint };
  }
}

function* oauthParameters(checked: CheckedManifest): Generator<{ name: string; value: unknown; path: Path; auth: OAuth2 }> {
  for (const { auth, path } of oauth(checked)) {
    for (const block of ["authorization", "token", "refresh", "revocation"] as const) {
      for (const [name, value] of Object.entries(auth[block]?.params ?? {})) {
        yield { name, value, path: [...path, block, "params", name], auth };
      }
    }
  }
}

function* scopeItems(checked: CheckedManifest): Generator<{ name: string; path: Path; separator: string; auth: OAuth2 }> {
  for (const { auth, path } of oauth(checked)) {
    for (const list of ["required", "optional"] as const) {
      for (const [index, { name }] of (auth.scopes?.[list] ?? []).entries()) {
        yield { name, path: [...path, "scopes", list, index, "name"], separator: auth.scopes?.separator ?? " ", auth };
      }
    }
  }
}

function* withSeparator(checked: CheckedManifest): Iterable<Found> {
  for (const { name, path, separator } of scopeItems(checked)) {
    const found = [" ", separator].find((text) => name.trim().includes(text)) ?? (name !== name.trim() ? " " : undefined);
    if (found === undefined) continue;
    const what = found === " " ? "a space" : `\`${found}\``;
    yield { path, message: `The scope holds ${what}.`, hint: "Write two items, each with its reason." };
  }
}

function* duplicateScopes(checked: CheckedManifest): Iterable<Found> {
  const seen = new Map<OAuth2, Set<string>>();
  for (const { name, path, auth } of scopeItems(checked)) {
    const names = seen.get(auth) ?? new Set();
    if (names.has(name)) yield { path, message: `The scope \`${name}\` stands here already.` };
    seen.set(auth, names.add(name));
  }
}

function* undeclaredScopes(checked: CheckedManifest): Iterable<Found> {
  const declared = [...scopeItems(checked)].map(({ name }) => name);
  for (const [id, action] of Object.entries(checked.manifest.actions ?? {})) {
    for (const [index, scope] of (action.scopes ?? []).entries()) {
      if (declared.includes(scope)) continue;
      const near = nearest(scope, declared);
      const hint = near ? `Did you mean \`${near}\`?` : undefined;
      yield { path: ["actions", id, "scopes", index], message: `No auth declares the scope \`${scope}\`.`, hint };
    }
  }
}

function* issuerMissing(checked: CheckedManifest): Iterable<Found> {
  for (const { auth, path } of oauth(checked)) {
    if (auth.callback?.issuer !== "required" || auth.issuer !== undefined) continue;
    yield { path: [...path, "callback", "issuer"], message: "`iss` is required, and there is no `issuer` to compare it with." };
  }
}

function* authorizationMissing(checked: CheckedManifest): Iterable<Found> {
  for (const { auth, path } of oauth(checked)) {
    if (auth.grant !== "authorization_code" || auth.authorization !== undefined) continue;
    yield {
      path: [...path, "authorization"],
      message: "The grant authorization_code needs `authorization`, where people sign in.",
    };
  }
}

function* userSteps(checked: CheckedManifest): Iterable<Found> {
  for (const { auth, path } of oauth(checked)) {
    if (auth.grant === "authorization_code") continue;
    for (const key of ["authorization", "callback"] as const) {
      if (auth[key] === undefined) continue;
      yield {
        path: [...path, key],
        on: "key",
        message: `\`${key}\` does not belong to the grant ${auth.grant}, which has no user step.`,
      };
    }
  }
}

function* revocationTargets(checked: CheckedManifest): Iterable<Found> {
  for (const { auth, path } of oauth(checked)) {
    if (auth.revocation === undefined) continue;
    const targets = [auth.revocation.url, auth.revocation.request].filter((target) => target !== undefined).length;
    if (targets !== 1)
      yield {
        path: [...path, "revocation"],
        on: "key",
        message: `\`revocation\` has ${targets === 0 ? "neither `url` nor `request`" : "both `url` and `request`"}.`,
      };
  }
}

export const oauthRules: readonly Rule[] = [
  { code: "missing_key", check: authorizationMissing },
  { code: "no_user_step", check: userSteps },
  { code: "revocation_unclear", check: revocationTargets },
  { code: "engine_parameter", check: engineOwned },
  { code: "scope_with_space", check: withSeparator },
  { code: "duplicate_scope", check: duplicateScopes },
  { code: "undeclared_scope", check: undeclaredScopes },
  { code: "issuer_missing", check: issuerMissing },
];
