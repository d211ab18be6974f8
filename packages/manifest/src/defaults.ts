// What a manifest leaves out, and what then holds.

import type { Manifest } from "./schema/manifest.ts";

export type AuthManifest = Manifest["auth"][string];
export type FieldManifest = NonNullable<AuthManifest["fields"]>[number];

interface TypeDefaults {
  readonly title: string;
  /** The fields that the type itself asks for. */
  readonly fields: (auth: AuthManifest, declared: readonly FieldManifest[]) => readonly FieldManifest[];
  /** What is sent as `Authorization`, if that can be told. */
  readonly apply: (fields: readonly FieldManifest[], hasToken: boolean) => string | undefined;
}

const onlySecret = (fields: readonly FieldManifest[], name: string): string | undefined => {
  const secrets = fields.filter((field) => field.secret === true);
  return fields.some((field) => field.name === name) ? name : secrets.length === 1 ? secrets[0]?.name : undefined;
};

/** A field that stands for the credential itself, unless the author declares a secret of his own. */
const credential = (name: string, label: string) => (_auth: AuthManifest, declared: readonly FieldManifest[]) =>
  declared.some((field) => field.secret === true || field.name === name) ? [] : [{ name, label, secret: true, required: true }];

const bearerOf = (name: string) => (fields: readonly FieldManifest[]) => {
  const field = onlySecret(fields, name);
  return field === undefined ? undefined : `Bearer {{ fields.${field} }}`;
};

export const basicValue = "$base64(fields.username & ':' & fields.password)";

export const typeDefaults: { readonly [T in AuthManifest["type"]]: TypeDefaults } = {
  oauth2: {
    title: "OAuth",
    fields: clientFields,
    apply: () => "Bearer {{ token.access_token }}",
  },
  api_key: { title: "API key", fields: credential("api_key", "API key"), apply: bearerOf("api_key") },
  bearer: { title: "Access token", fields: credential("token", "Access token"), apply: bearerOf("token") },
  basic: {
    title: "User name and password",
    fields: (_auth, declared) => (declared.some(({ name }) => name === "username" || name === "password") ? [] : personFields),
    apply: (fields) =>
      ["username", "password"].every((name) => fields.some((field) => field.name === name))
        ? `Basic {{ ${basicValue} }}`
        : undefined,
  },
  custom: {
    title: "Sign-in",
    fields: () => [],
    apply: (_fields, hasToken) => (hasToken ? "Bearer {{ token.access_token }}" : undefined),
  },
  // The engine signs each request.
  oauth1: { title: "OAuth 1.0a", fields: consumerFields, apply: () => undefined },
  none: { title: "No sign-in", fields: () => [], apply: () => undefined },
};

const personFields: readonly FieldManifest[] = [
  { name: "username", label: "User name", required: true },
  { name: "password", label: "Password", secret: true, required: true },
];

/** Client authentications that need no client secret. */
export const secretless: ReadonlySet<string> = new Set(["none", "private_key_jwt", "tls_client_auth"]);

/** Where the user brings the client, its ID and secret are fields like any other. */
function clientFields(auth: AuthManifest): readonly FieldManifest[] {
  if (auth.type !== "oauth2") return [];
  const person = auth.grant === "password" ? personFields : [];
  const { source = "app", authentication = "client_secret_post" } = auth.client ?? {};
  if (source === "app" || source === "none") return person;
  const required = source === "connection";
  const fields: FieldManifest[] = [{ name: "client_id", label: "Client ID", required }];
  if (!secretless.has(authentication)) fields.push({ name: "client_secret", label: "Client secret", secret: true, required });
  return [...person, ...fields];
}

function consumerFields(auth: AuthManifest): FieldManifest[] {
  if (auth.type !== "oauth1" || auth.client?.source !== "connection") return [];
  return [
    { name: "client_id", label: "Consumer key", required: true },
    { name: "client_secret", label: "Consumer secret", secret: true, required: true },
  ];
}

/** What the person may choose beforehand of what `after_connect` would ask. */
function choices(auth: AuthManifest): FieldManifest[] {
  return (auth.after_connect ?? []).flatMap(({ choose }) =>
    choose === undefined
      ? []
      : [
          {
            name: choose.name,
            label: choose.title ?? labelOf(choose.name),
            pattern: choose.pattern,
            help: "Leave it empty to choose later.",
          },
        ],
  );
}

/** The declared fields, with those in front that the type or the client asks for, and the choices behind them. */
export function fieldsOf(auth: AuthManifest): readonly FieldManifest[] {
  const declared = auth.fields ?? [];
  const names = new Set(declared.map(({ name }) => name));
  const isNew = ({ name }: FieldManifest) => !names.has(name);
  const implied = typeDefaults[auth.type].fields(auth, declared);
  return [...implied.filter(isNew), ...declared, ...choices(auth).filter(isNew)];
}

/** What the admin enters with the app, beside client ID and secret. */
export function appFields(auth: AuthManifest): readonly FieldManifest[] {
  return auth.type === "oauth2" || auth.type === "oauth1" ? (auth.client?.fields ?? []) : [];
}

const upperCase = new Set(["api", "id", "url", "uri", "ip"]);

/** `shared_drive_id` as `Shared drive ID`. */
export function labelOf(name: string): string {
  const words = name.split("_").filter((word) => word !== "");
  const spelled = words.map((word, index) => {
    if (upperCase.has(word)) return word.toUpperCase();
    return index === 0 ? word.charAt(0).toUpperCase() + word.slice(1) : word;
  });
  return spelled.join(" ");
}

/** The environments, or the single one there is without any. */
export function environmentsOf(manifest: Manifest): Readonly<Record<string, Readonly<Record<string, string>>>> {
  return manifest.environments && Object.keys(manifest.environments).length > 0 ? manifest.environments : { production: {} };
}

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `5m` as milliseconds. */
export function milliseconds(duration: string): number {
  const [, count = "0", unit = "ms"] = /^([0-9]+)([a-z]+)$/.exec(duration) ?? [];
  return Number(count) * (units[unit] ?? 1);
}

/** What is sent as `Authorization` where the manifest does not say; undefined: it cannot be told, or nothing is. */
export function defaultApply(auth: AuthManifest): string | undefined {
  return typeDefaults[auth.type].apply(fieldsOf(auth), "token" in auth && auth.token !== undefined);
}
