import type { ClientAuthentication, OAuth2 } from "@jackfield/manifest";
import { JackfieldError } from "../errors.ts";
import type { Names } from "../request/hole.ts";
import { signAssertion } from "./assertion.ts";
import type { Client } from "./credential.ts";
import type { GrantContext } from "./token-endpoint.ts";

/** What a client authentication adds to a token request. */
interface Proof {
  readonly params: readonly (readonly [string, string])[];
  readonly query: readonly (readonly [string, string])[];
  readonly headers: Readonly<Record<string, string>>;
}

interface Prover {
  readonly context: GrantContext;
  readonly client: Client;
  readonly declared: OAuth2["client"];
  /** The authorization server, where the manifest names it: the audience of an assertion (RFC 7523bis). */
  readonly issuer?: string | undefined;
  /** The endpoint that is called: the audience where there is no issuer. */
  readonly url: string;
  readonly names: Names;
}

const proof = (part: Partial<Proof>): Proof => ({ params: [], query: [], headers: {}, ...part });

/** `application/x-www-form-urlencoded` of one part, as RFC 6749 §2.3.1 asks before Basic: space becomes `+`, `:` becomes `%3A`. */
function formEncoded(text: string): string {
  return new URLSearchParams([["", text]]).toString().slice(1);
}

function basic(id: string, secret: string): Proof {
  return proof({ headers: { authorization: `Basic ${Buffer.from(`${id}:${secret}`, "utf8").toString("base64")}` } });
}

/** Nothing where nobody brings a client. */
const id = ({ client, declared }: Prover): readonly (readonly [string, string])[] =>
  client.client_id === "" ? [] : [[declared.id_param, client.client_id]];

const both = (prover: Prover): readonly (readonly [string, string])[] => {
  const { client_secret } = prover.client;
  return [...id(prover), ...(client_secret === undefined ? [] : [[prover.declared.secret_param, client_secret] as const])];
};

/** RFC 7523 §2.2. */
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

async function signed(prover: Prover): Promise<Proof> {
  const { context, client, declared, issuer, url, names } = prover;
  if (declared.assertion === undefined) throw new JackfieldError("internal");
  const claims = { iss: client.client_id, sub: client.client_id, aud: issuer ?? url };
  const assertion = await signAssertion(context, declared.assertion, claims, names);
  return proof({
    params: [...id(prover), ["client_assertion_type", assertionType], ["client_assertion", assertion]],
  });
}

/** How a client proves itself at the token endpoint: exactly one row is used for a request (RFC 6749 §2.3). */
export const clientAuthentications: {
  readonly [M in ClientAuthentication]: (prover: Prover) => Proof | Promise<Proof>;
} = {
  client_secret_post: (prover) => proof({ params: both(prover) }),
  client_secret_basic: ({ client }) => basic(formEncoded(client.client_id), formEncoded(client.client_secret ?? "")),
  client_secret_basic_raw: ({ client }) => basic(client.client_id, client.client_secret ?? ""),
  none: (prover) => proof({ params: id(prover) }),
  query: (prover) => proof({ query: both(prover) }),
  bearer: ({ client }) => proof({ headers: { authorization: `Bearer ${client.client_secret ?? ""}` } }),
  private_key_jwt: signed,
  client_secret_jwt: signed,
  // The certificate is presented by the connection itself; the id says whose it is (RFC 8705 §2).
  tls_client_auth: (prover) => proof({ params: id(prover) }),
};
