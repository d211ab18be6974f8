import type { Auth } from "@jackfield/manifest";
import type { Names } from "../request/hole.ts";
import type { Client, Credential } from "./credential.ts";

/** What an app keeps secret. */
export const clientSecrets = ({ client_secret, previous, secrets = {} }: Client): readonly unknown[] => [
  client_secret,
  previous?.client_secret,
  ...Object.values(secrets),
];

/** What a person typed that is secret. */
export const fieldSecrets = (auth: Pick<Auth, "fields">, fields: Readonly<Record<string, unknown>>): readonly unknown[] =>
  auth.fields.filter(({ secret }) => secret).flatMap(({ name }) => fields[name]);

export const tokenSecrets = (token: Partial<Credential>): readonly unknown[] => [
  token.access_token,
  token.refresh_token,
  token.token_secret,
  token.proof_key?.d,
];

/** Every secret that a request to an authorization server can be made of, whatever of it the manifest sends. */
export function secretsOf(
  auth: Pick<Auth, "fields">,
  { client, names }: { readonly client: Client; readonly names: Names },
): readonly unknown[] {
  const { fields = {}, token = {}, request = {} } = names as Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  return [...clientSecrets(client), ...fieldSecrets(auth, fields), ...tokenSecrets(token), request.code];
}

/** Nobody's manifest makes these fit for being shown. */
const alwaysSecret = ["signing_secret", "private_key"];

/** What an admin entered with an app: what is secret, as the manifest says now, and what may be shown. */
export function splitSecrets<Value>(
  auth: Auth | undefined,
  values: Readonly<Record<string, Value>>,
): { readonly secret: Readonly<Record<string, Value>>; readonly open: Readonly<Record<string, Value>> } {
  const declared = auth !== undefined && "client" in auth ? auth.client.fields : [];
  const secret = new Set([...alwaysSecret, ...declared.filter((field) => field.secret).map(({ name }) => name)]);
  const pick = (hidden: boolean) => Object.fromEntries(Object.entries(values).filter(([name]) => secret.has(name) === hidden));
  return { secret: pick(true), open: pick(false) };
}
