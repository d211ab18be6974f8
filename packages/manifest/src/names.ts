import type { Place } from "./schema/text.ts";

/** Everything that templates and expressions may name, with the parts that are known beforehand; undefined: any part. */
export const names = {
  fields: undefined,
  env: undefined,
  input: undefined,
  me: undefined,
  body: undefined,
  item: undefined,
  subscription: undefined,
  /** With what `client.fields` declares. */
  app: ["client_id", "client_secret", "signing_secret", "private_key", "key_id", "certificate"],
  /** With what `token.capture` and `then` capture. */
  token: ["access_token", "refresh_token", "token_type", "expires_at", "scope", "raw", "claims"],
  /** What `callback.capture` captures; before that, the callback's whole query. */
  callback: undefined,
  /** With what `after_connect` captures or lets the user choose. */
  connection: ["id", "short_id", "name", "unique_id", "label"],
  platform: ["url", "redirect_uri", "sandbox_url"],
  page: ["cursor", "number", "offset", "size"],
  run: ["started_at", "previous_started_at", "interval_minutes"],
  hook: ["id", "url", "callback_url", "secret"],
  event: ["app_user_id", "app_tenant_id", "event_type", "event_payload", "dedupe_id"],
  signature: ["timestamp"],
  request: [
    "id",
    "timestamp",
    "method",
    "url",
    "path",
    "query",
    "headers",
    "body",
    "raw_body",
    "action",
    "ip",
    "code",
    "received_at",
  ],
  response: ["status", "headers", "body"],
} as const satisfies Record<string, readonly string[] | undefined>;

export type Name = keyof typeof names;

interface Reach {
  readonly names: readonly Name[];
  /** Whether a secret may be named: `token.*`, `app.client_secret`, secret fields, `hook.secret`. */
  readonly secrets: boolean;
  /** The data itself is what the names are taken from, so that any name may stand there. */
  readonly free?: true;
}

const open = (...reached: Name[]): Reach => ({ names: reached, secrets: false });
const sealed = (...reached: Name[]): Reach => ({ names: reached, secrets: true });
const free: Reach = { names: [], secrets: true, free: true };

/** What is known of every connection once it is connected. Of `callback` and `token` only captures are no secrets. */
const known = ["fields", "env", "connection", "callback", "token"] as const;

/** Which names are in reach at each place of a manifest. The engine gives no others. */
export const places: { readonly [P in Place]: Reach } = {
  base_url: open(...known, "platform"),
  "authorization.url": open("fields", "env", "platform", "app"),
  "authorization.params": open("fields", "env", "platform", "app", "request"),
  audience: open("fields", "env", "platform", "app", "callback"),
  scopes: open("fields", "env"),
  "client.authentication": open("fields", "env"),
  "callback.redirect_uri": open("fields", "env", "platform", "app"),
  "callback.secret": sealed("app", "fields", "env"),
  "token.url": open("fields", "env", "platform", "app", "callback", "token"),
  "token.params": sealed("fields", "env", "app", "platform", "callback", "request", "token"),
  "token.request": sealed("fields", "env", "app", "platform", "request"),
  "token.response": free,
  "then.valid": open("body", "response", "fields", "env", "callback", "token"),
  "revocation.request": sealed(...known, "app"),
  "token.then": sealed("fields", "env", "app", "platform", "callback", "token", "request"),
  "refresh.params": sealed("fields", "env", "app", "platform", "callback", "connection", "token", "request"),
  "refresh.when": open("body", "response", "fields", "env"),
  assertion: sealed("fields", "env", "app", "platform", "connection", "callback", "token", "request"),
  "introspection.response": free,
  "connect.request": open(...known, "platform"),
  "connect.capture": open("body", "response", "fields", "env", "callback", "token"),
  "choose.item": { names: [], secrets: false, free: true },
  "apply.name": open("fields", "env"),
  apply: sealed(...known, "app", "request"),
  "test.request": open(...known, "platform"),
  "test.valid": open("me", "response", "body", ...known),
  "test.error": open("response", "body", "me", ...known),
  label: open("me", ...known, "app"),
  unique_id: open("me", ...known, "app"),
  whitelist: open(...known, "platform"),
  default_params: open(...known, "platform"),
  "action.request": open("input", ...known, "page", "request"),
  "action.ok": open("response", "body", "input", ...known),
  "action.error": open("response", "body", "input", ...known),
  "action.output": open("body", "response", "input", ...known),
  "page.items": open("body", "response", "input", "page", ...known),
  "options.request": open("input", ...known, "page"),
  "trigger.request": open("input", ...known, "page", "run"),
  "trigger.items": open("body", "response", "input", "page", "run", ...known),
  "trigger.item": open("item", "input", "run", ...known),
  "trigger.manual": open("hook", "fields", "env", "platform"),
  "subscription.request": sealed("input", ...known, "hook", "subscription"),
  "subscription.value": open("body", "response", "input"),
  "inbound.signed": open("request", "signature", "hook"),
  "inbound.secret": sealed("app", "fields", "hook"),
  "inbound.request": open("request", "item", "connection", "hook", "env"),
  "inbound.respond": sealed("request", "hook", "app", "fields"),
  "mapper.request": open("event", ...known),
  "mapper.value": open("event", "body", "response", ...known),
  "errors.when": open("body", "response", "request"),
  "errors.message": open("body", "response", "request"),
  "field.visible_if": open("fields"),
  "input.visible_if": open("input"),
  setup: open("platform", "env"),
};

/** Where a whole callback may be named, and not only what was captured of it and passed its pattern. */
export const wholeCallback: ReadonlySet<Place> = new Set<Place>(["token.params"]);
