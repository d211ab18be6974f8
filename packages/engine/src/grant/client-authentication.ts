import type { OAuth2 } from "@jackfield/manifest";
import type { Client } from "./credential.ts";

type Method = OAuth2["client"]["authentication"];

/** What a client authentication adds to a token request. */
interface Proof {
  readonly params: readonly (readonly [string, string])[];
  readonly headers: Readonly<Record<string, string>>;
}

/** `application/x-www-form-urlencoded` of one part, as RFC 6749 §2.3.1 asks before Basic: space becomes `+`, `:` becomes `%3A`. */
function formEncoded(text: string): string {
  return new URLSearchParams([["", text]]).toString().slice(1);
}

function basic(id: string, secret: string): string {
  return `Basic ${Buffer.from(`${id}:${secret}`, "utf8").toString("base64")}`;
}

/** How a client proves itself at the token endpoint: exactly one row is used for a request (RFC 6749 §2.3). */
export const clientAuthentications: { readonly [M in Method]: (client: Client) => Proof } = {
  client_secret_post: ({ client_id, client_secret }) => ({
    params: [["client_id", client_id], ...(client_secret === undefined ? [] : [["client_secret", client_secret] as const])],
    headers: {},
  }),
  client_secret_basic: ({ client_id, client_secret }) => ({
    params: [],
    headers: { authorization: basic(formEncoded(client_id), formEncoded(client_secret ?? "")) },
  }),
  client_secret_basic_raw: ({ client_id, client_secret }) => ({
    params: [],
    headers: { authorization: basic(client_id, client_secret ?? "") },
  }),
  none: ({ client_id }) => ({ params: [["client_id", client_id]], headers: {} }),
};
