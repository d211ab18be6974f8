import type { Place } from "./schema/text.ts";

/** Everything that templates and expressions may name, with the parts that are known beforehand; undefined: any part. */
export const names = {
  fields: undefined,
  env: undefined,
  input: undefined,
  token: undefined,
  me: undefined,
  body: undefined,
  app: ["client_id", "client_secret"],
  platform: ["url", "redirect_uri", "sandbox_url"],
  connection: ["id", "short_id", "name"],
  request: ["method", "url", "headers", "query", "body"],
  response: ["status", "headers", "body"],
} as const satisfies Record<string, readonly string[] | undefined>;

export type Name = keyof typeof names;

interface Reach {
  readonly names: readonly Name[];
  /** Whether a secret may be named: `token.*`, `app.client_secret`, secret fields. */
  readonly secrets: boolean;
  /** The data itself is what the names are taken from, so that any name may stand there. */
  readonly free?: true;
}

const open = (...reached: Name[]): Reach => ({ names: reached, secrets: false });
const sealed = (...reached: Name[]): Reach => ({ names: reached, secrets: true });

/** Which names are in reach at each place of a manifest. The engine gives no others. */
export const places: { readonly [P in Place]: Reach } = {
  base_url: open("fields", "env", "platform"),
  "authorization.url": open("fields", "env", "platform", "app"),
  "authorization.params": open("fields", "env", "platform", "app"),
  audience: open("fields", "env", "platform", "app"),
  "token.url": open("fields", "env", "platform", "app"),
  "token.params": sealed("fields", "env", "app", "platform"),
  "refresh.params": sealed("fields", "env", "app", "platform", "token"),
  "token.response": { names: [], secrets: true, free: true },
  apply: sealed("token", "fields", "app", "env"),
  "test.request": open("fields", "env", "platform"),
  "test.valid": open("me", "response", "body", "fields", "env"),
  "test.error": open("response", "body", "me", "fields", "env"),
  label: open("me", "fields", "env", "connection", "app"),
  unique_id: open("me", "fields", "env", "app"),
  whitelist: open("fields", "env", "platform"),
  default_params: open("fields", "env"),
  "action.request": open("input", "fields", "env", "connection"),
  "action.ok": open("response", "body", "input", "fields", "env", "connection"),
  "action.error": open("response", "body", "input", "fields", "env", "connection"),
  "action.output": open("body", "response", "input", "fields", "env", "connection"),
  "errors.when": open("body", "response", "request"),
  "errors.message": open("body", "response", "request"),
  "field.visible_if": open("fields"),
  "input.visible_if": open("input"),
  setup: open("platform", "env"),
};
