import type { Auth } from "@jackfield/manifest";
import type { Names } from "../request/hole.ts";
import type { Client, Credential } from "./credential.ts";

/** What an app keeps secret. */
export const clientSecrets = ({ client_secret, secrets = {} }: Client): readonly unknown[] => [
  client_secret,
  ...Object.values(secrets),
];

/** What a person typed that is secret. */
export const fieldSecrets = (auth: Pick<Auth, "fields">, fields: Readonly<Record<string, unknown>>): readonly unknown[] =>
  auth.fields.filter(({ secret }) => secret).map(({ name }) => fields[name]);

export const tokenSecrets = (token: Partial<Credential>): readonly unknown[] => [
  token.access_token,
  token.refresh_token,
  token.token_secret,
];

/** Every secret that a request to an authorization server can be made of, whatever of it the manifest sends. */
export function secretsOf(
  auth: Pick<Auth, "fields">,
  { client, names }: { readonly client: Client; readonly names: Names },
): readonly unknown[] {
  const { fields = {}, token = {}, request = {} } = names as Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  return [...clientSecrets(client), ...fieldSecrets(auth, fields), ...tokenSecrets(token), request.code];
}
