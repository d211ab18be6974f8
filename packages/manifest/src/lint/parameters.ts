// Which parameters of OAuth the engine sends by itself, and what an author may say about them.

import type { Path } from "../source.ts";
import { nearest } from "../suggestion.ts";
import type { Text } from "../text.ts";
import type { CheckedAuth, CheckedManifest, Found, Rule } from "./rule.ts";

export type OAuth2 = Extract<CheckedAuth["auth"], { type: "oauth2" }>;

export function* oauth2Auths({ auths }: CheckedManifest): Generator<{ auth: OAuth2; path: Path; of: CheckedAuth }> {
  for (const of of auths) if (of.auth.type === "oauth2") yield { auth: of.auth, path: of.path, of };
}

const blocks = ["authorization", "device", "token", "refresh", "revocation", "introspection"] as const;
type Block = (typeof blocks)[number];

interface Parameter {
  readonly name: string;
  readonly value: unknown;
  readonly text: Text | undefined;
  readonly path: Path;
  readonly block: Block;
  readonly auth: OAuth2;
}

function* parameters(checked: CheckedManifest): Generator<Parameter> {
  for (const { auth, path } of oauth2Auths(checked)) {
    for (const block of blocks) {
      for (const [name, value] of Object.entries(auth[block]?.params ?? {})) {
        const at = [...path, block, "params", name];
        yield { name, value, text: checked.textAt(at), path: at, block, auth };
      }
    }
  }
}

interface Owned {
  readonly hint: string;
  /** Requests in which the engine sends it. */
  readonly in: readonly Block[];
  /** Requests in which null may remove it: some providers refuse it, and nothing is lost. */
  readonly removable?: readonly Block[];
  /** Whether a value of the author's own is fine. */
  readonly allows?: (parameter: Parameter) => boolean;
}

/** What the engine sends for each grant where no author says anything else. */
const grantTypes: Readonly<Record<OAuth2["grant"], string>> = {
  authorization_code: "authorization_code",
  client_credentials: "client_credentials",
  password: "password",
  device_code: "urn:ietf:params:oauth:grant-type:device_code",
  jwt_bearer: "urn:ietf:params:oauth:grant-type:jwt-bearer",
};

const isLiteral = ({ value, text }: Parameter) => typeof value === "string" && text?.pieces.length === 0;

const isPlainly = ({ text }: Parameter, name: string) =>
  text?.parts.length === 1 && text.pieces[0]?.expression.path?.join(".") === name;

const names = ({ text }: Parameter, name: string) =>
  text?.pieces.some(({ analysis }) => analysis.references.some(({ path }) => path.join(".") === name)) === true;

const differs = (parameter: Parameter) => {
  const { value, block, auth } = parameter;
  return isLiteral(parameter) && value !== (block === "refresh" ? "refresh_token" : grantTypes[auth.grant]);
};

const everywhere: readonly Block[] = blocks;
const atToken: readonly Block[] = ["token", "refresh"];
const pkce = "Remove it; `authorization.pkce` says whether PKCE is used.";

/** Parameters of OAuth that the engine sets, and how an author has a say in them. */
const owned: Readonly<Record<string, Owned>> = {
  grant_type: {
    hint: "It follows from `grant`; remove it.",
    in: ["authorization", ...atToken],
    removable: atToken,
    allows: (parameter) => parameter.block !== "authorization" && differs(parameter),
  },
  code: {
    hint: "Remove it, or make it of `request.code`, where the code does not arrive as it is wanted.",
    in: ["authorization", ...atToken],
    removable: atToken,
    allows: (parameter) => parameter.block === "token" && names(parameter, "request.code"),
  },
  redirect_uri: {
    hint: "It is the same for every connection of a connector; remove it.",
    in: ["authorization", "token"],
    removable: ["authorization", "token"],
  },
  state: { hint: "It protects every sign-in and cannot be set; remove it.", in: ["authorization", ...atToken] },
  client_id: {
    hint: "It comes from the app; remove it.",
    in: everywhere,
    removable: everywhere,
    allows: (parameter) => parameter.block !== "authorization" && isPlainly(parameter, "app.client_id"),
  },
  client_secret: {
    hint: "It comes from the app, and `client.authentication` says how it is sent; remove it.",
    in: everywhere,
    removable: ["refresh"],
  },
  refresh_token: {
    hint: "Remove it, or name it under `refresh.omit` first.",
    in: ["refresh"],
    removable: ["refresh"],
    allows: ({ auth }) => auth.refresh?.omit?.includes("refresh_token") === true,
  },
  device_code: { hint: "Remove it.", in: ["token"], allows: ({ auth }) => auth.grant !== "device_code" },
  code_verifier: { hint: pkce, in: ["authorization", ...atToken] },
  code_challenge: { hint: pkce, in: ["authorization", ...atToken] },
  code_challenge_method: { hint: pkce, in: ["authorization", ...atToken] },
  response_type: { hint: "It is always `code`; remove it.", in: ["authorization"], removable: ["authorization"] },
  scope: {
    hint: "Write the scopes under `scopes`.",
    in: ["authorization", "device", ...atToken],
    removable: ["authorization", "device", ...atToken],
    // A scope with a part that the user chooses cannot be listed; and where nobody asked for scopes, the engine sends none.
    allows: ({ text, block, auth }) =>
      (auth.scopes?.param ?? "scope") !== "scope" ||
      (text?.pieces.length ?? 0) > 0 ||
      (block === "token" && auth.grant === "authorization_code") ||
      block === "refresh",
  },
  nonce: {
    hint: "A nonce must be new each time: `{{ $uuid() }}`.",
    in: ["authorization"],
    removable: ["authorization"],
    allows: ({ text }) => text !== undefined && text.pieces.length > 0,
  },
};

/** Under another name, a parameter of the engine's is an author's own; these never are. */
const never: ReadonlySet<string> = new Set(["state", "client_secret", "code_verifier"]);

/** What a parameter would replace: one of the engine's, by its own name or by the one that the manifest gives it. */
function replaced({ name, block, auth }: Parameter): string | undefined {
  const rename: Readonly<Record<string, string>> = {
    ...(auth.client?.id_param !== undefined && { client_id: auth.client.id_param }),
    ...(auth.client?.secret_param !== undefined && { client_secret: auth.client.secret_param }),
    ...(auth.scopes?.param !== undefined && { scope: auth.scopes.param }),
    ...(block === "authorization" ? auth.authorization?.rename : block === "device" ? {} : auth.token.rename),
  };
  const renamed = Object.entries(rename).find(([own, sent]) => sent === name && own !== name)?.[0];
  if (renamed !== undefined) return renamed;
  if (!Object.hasOwn(owned, name)) return undefined;
  return Object.hasOwn(rename, name) && rename[name] !== name && !never.has(name) ? undefined : name;
}

function* engineOwned(checked: CheckedManifest): Iterable<Found> {
  for (const parameter of parameters(checked)) {
    const { name, value, path, block } = parameter;
    const own = replaced(parameter);
    const rule = own === undefined ? undefined : owned[own];
    if (!rule?.in.includes(block)) continue;
    if (value === null ? rule.removable?.includes(block) : rule.allows?.(parameter)) continue;
    yield { path, on: "key", message: `\`${name}\` is set by the engine.`, hint: rule.hint };
  }
}

/** `client.authentication` sends the secret already; with `none`, an author may prove it in the provider's own way. */
function* secretsTwice(checked: CheckedManifest): Iterable<Found> {
  for (const parameter of parameters(checked)) {
    const { name, path } = parameter;
    if (!provesClient.has(parameter.block) || authenticationOf(parameter) === "none") continue;
    if (replaced(parameter) !== undefined || !isPlainly(parameter, "app.client_secret")) continue;
    const message = `\`${name}\` would send the client secret a second time.`;
    const hint = "Say with `client.authentication` how it is sent, and with `client.secret_param` its name.";
    yield { path, on: "key", message, hint };
  }
}

const provesClient: ReadonlySet<Block> = new Set<Block>(["token", "refresh", "revocation", "introspection"]);

function authenticationOf({ block, auth }: Parameter): string | undefined {
  const own = block === "revocation" || block === "introspection" ? auth[block]?.authentication : undefined;
  return own ?? auth.client?.authentication;
}

function* headersTwice(checked: CheckedManifest): Iterable<Found> {
  for (const { auth, path } of oauth2Auths(checked)) {
    if (!headerAuthentications.has(auth.client?.authentication ?? "client_secret_post")) continue;
    for (const block of ["token", "refresh"] as const) {
      const header = Object.keys(auth[block]?.headers ?? {}).find((name) => name.toLowerCase() === "authorization");
      if (header === undefined) continue;
      const message = `\`${header}\` is set by the engine, as \`client.authentication\` says.`;
      yield { path: [...path, block, "headers", header], on: "key", message };
    }
  }
}

const headerAuthentications: ReadonlySet<string> = new Set(["client_secret_basic", "client_secret_basic_raw", "bearer"]);

function* signedByOAuth1({ auths }: CheckedManifest): Iterable<Found> {
  for (const { auth, path } of auths) {
    if (auth.type !== "oauth1") continue;
    for (const block of ["request_token", "authorization", "token"] as const) {
      for (const name of Object.keys(auth[block].params ?? {})) {
        if (!name.startsWith("oauth_")) continue;
        yield { path: [...path, block, "params", name], on: "key", message: `\`${name}\` is set by the engine.` };
      }
    }
  }
}

const sentAtAuthorization = [
  "response_type",
  "client_id",
  "redirect_uri",
  "scope",
  "state",
  "code_challenge",
  "code_challenge_method",
  "audience",
  "resource",
  "nonce",
];

const sentAtToken = [
  "grant_type",
  "code",
  "redirect_uri",
  "client_id",
  "client_secret",
  "code_verifier",
  "refresh_token",
  "access_token",
  "scope",
  "audience",
  "resource",
  "assertion",
  "client_assertion",
  "client_assertion_type",
  "device_code",
];

/** Parameters that the engine is told to rename or leave out although it never sends them. */
function* unknownParameters(checked: CheckedManifest): Iterable<Found> {
  for (const { auth, path } of oauth2Auths(checked)) {
    const sent = { authorization: sentAtAuthorization, token: sentAtToken };
    for (const block of ["authorization", "token"] as const) {
      const unknown = Object.keys(auth[block]?.rename ?? {}).filter((name) => !sent[block].includes(name));
      for (const name of unknown) yield { path: [...path, block, "rename", name], on: "key", ...notSent(name, sent[block]) };
    }
    yield* unknownOmissions(auth, path);
  }
}

function* unknownOmissions({ client, scopes, token, refresh }: OAuth2, path: Path): Generator<Found> {
  const renamed = [client?.id_param, client?.secret_param, scopes?.param, ...Object.values(token.rename ?? {})];
  const known = [...sentAtToken, ...renamed.flatMap((name) => name ?? [])];
  for (const [block, omit] of Object.entries({ token: token.omit, refresh: refresh?.omit })) {
    for (const [index, name] of (omit ?? []).entries()) {
      if (!known.includes(name)) yield { path: [...path, block, "omit", index], ...notSent(name, known) };
    }
  }
}

function notSent(name: string, known: readonly string[]): Pick<Found, "message" | "hint"> {
  const near = nearest(name, known);
  return { message: `The engine sends no \`${name}\`.`, hint: near === undefined ? undefined : `Did you mean \`${near}\`?` };
}

export const parameterRules: readonly Rule[] = [
  { code: "engine_parameter", check: engineOwned },
  { code: "engine_parameter", check: secretsTwice },
  { code: "engine_parameter", check: headersTwice },
  { code: "engine_parameter", check: signedByOAuth1 },
  { code: "unknown_parameter", check: unknownParameters },
];
