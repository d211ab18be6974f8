// Modes whose credential the person brings: keys, user name and password, and tokens that are signed with a key for each request.

import { jwtExpression } from "./assertion.ts";
import type { Draft } from "./draft.ts";
import { isTrue } from "./fields.ts";
import type { Mode } from "./modes.ts";
import { type Piece, piece, quoted } from "./value.ts";

export function apiKey(draft: Draft): Mode {
  const field = draft.fields.get("credentials", "apiKey");
  field.secret = "declared";
  return { id: "key", auth: { type: "api_key" } };
}

export function none(): Mode {
  return { id: "none", auth: { type: "none" } };
}

/** User name and password. What is hidden from the person is a constant; then the other one is the key. */
export function basic(draft: Draft): Mode {
  const [username, password] = (["username", "password"] as const).map((key) => {
    const schema = draft.fields.schema("credentials", key);
    const other = draft.fields.schema("credentials", key === "username" ? "password" : "username");
    if (schema !== undefined && isTrue(schema.hidden)) {
      draft.fields.settle(key);
      return { expression: quoted(String(schema.default_value ?? "")) };
    }
    const field = draft.fields.get("credentials", key);
    if (key === "password" || isTrue(other?.hidden)) field.secret = "declared";
    return { expression: `fields.${field.name}` };
  });
  const isPlain = username?.expression === "fields.username" && password?.expression === "fields.password";
  const value = `Basic {{ $base64(${username?.expression} & ":" & ${password?.expression}) }}`;
  return { id: "basic", auth: { type: "basic" }, authorization: isPlain ? undefined : value };
}

/** A JSON Web Token that is signed anew for each request. */
export function jwt(draft: Draft): Mode {
  for (const key of ["privateKey", "private_key"]) {
    if (draft.fields.schema("credentials", key)) draft.fields.get("credentials", key).secret = "declared";
  }
  const { expression } = jwtExpression(draft, "token");
  return { id: "jwt", auth: { type: "custom" }, authorization: `Bearer {{ ${expression} }}` };
}

/** A WSSE user name token (OASIS WS-Security), in the header that such APIs read unless the source names another. */
export function wsse(draft: Draft): Mode {
  draft.take("signature");
  draft.take("token");
  const { headers = {} } = draft.takeMap("proxy") as { headers?: object };
  const isNamed = /\$\{(accessToken|token)\}/.test(JSON.stringify(headers));
  const apply = isNamed ? undefined : { name: "X-WSSE", value: `{{ ${wsseToken(draft).expression} }}` };
  return { id: "wsse", auth: { type: "custom", apply } };
}

/** The token that is made for each request. */
export function wsseToken(draft: Draft): Piece {
  const username = draft.fields.get("credentials", "username");
  const password = draft.fields.get("credentials", "password");
  password.secret = "declared";
  const created = "$fromMillis(request.timestamp)";
  const digest = `$base64($sha1(request.id & ${created} & fields.${password.name}))`;
  const parts = [
    quoted('UsernameToken Username="'),
    `fields.${username.name}`,
    quoted('", PasswordDigest="'),
    digest,
    quoted('", Nonce="'),
    "request.id",
    quoted('", Created="'),
    created,
    quoted('"'),
  ];
  return piece(parts.join(" & "), { fields: [username, password], private: true });
}
