import type { Reply } from "./odd.ts";

/** A token answer before it is written down. */
export type TokenAnswer = Readonly<Record<string, unknown>>;

const iso = (time: number) => new Date(time).toISOString();

/** How the lifetime is told: from seconds and the time of the answer. */
export const lifetimes = {
  number: (seconds: number) => ({ expires_in: seconds }),
  string: (seconds: number) => ({ expires_in: String(seconds) }),
  float: (seconds: number) => ({ expires_in: seconds + 0.75 }),
  ms: (seconds: number) => ({ expires_in: seconds * 1000 }),
  minutes: (seconds: number) => ({ expires_in: seconds / 60 }),
  "at in seconds": (seconds: number, now: number) => ({ expires_in: Math.floor(now / 1000) + seconds }),
  "at in milliseconds": (seconds: number, now: number) => ({ expires_in: now + seconds * 1000 }),
  expires: (seconds: number) => ({ expires: seconds }),
  expires_at: (seconds: number, now: number) => ({ expires_at: Math.floor(now / 1000) + seconds }),
  iso: (seconds: number, now: number) => ({ expires_at: iso(now + seconds * 1000) }),
  missing: () => ({}),
  null: () => ({ expires_in: null }),
  zero: () => ({ expires_in: 0 }),
  negative: () => ({ expires_in: -1 }),
  words: () => ({ expires_in: "soon" }),
} as const satisfies Record<string, (seconds: number, now: number) => TokenAnswer>;

const json = (body: unknown, status = 200, type = "application/json"): Reply => ({
  status,
  headers: { "content-type": type },
  body: JSON.stringify(body),
});

const form = (answer: TokenAnswer) => new URLSearchParams(Object.entries(answer).map(([name, value]) => [name, String(value)]));

const camel = (name: string) => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());

const escaped = (value: unknown) => String(value).replaceAll("&", "&amp;").replaceAll("<", "&lt;");

const elements = (answer: TokenAnswer) =>
  Object.entries(answer)
    .map(([name, value]) => `<${name}>${escaped(value)}</${name}>`)
    .join("");

/** Where a token answer stands without a body: header and cookie values take no characters but these. */
const outside = (answer: TokenAnswer) =>
  Object.entries(answer).map(([name, value]) => [name.replaceAll("_", "-"), String(value)]);

/** How a token answer is written down. */
export const bodies = {
  json: (answer) => json(answer),
  "html-json": (answer) => json(answer, 200, "text/html; charset=utf-8"),
  "plain-json": (answer) => json(answer, 200, "text/plain"),
  "no-type": (answer) => ({ body: Buffer.from(JSON.stringify(answer)).toString() }),
  bom: (answer) => ({ headers: { "content-type": "application/json" }, body: `\uFEFF${JSON.stringify(answer)}` }),
  spaced: (answer) => ({ headers: { "content-type": "application/json" }, body: `\r\n  ${JSON.stringify(answer, null, 2)}\r\n` }),
  form: (answer) => ({ headers: { "content-type": "application/x-www-form-urlencoded" }, body: form(answer).toString() }),
  "form-as-html": (answer) => ({ headers: { "content-type": "text/html" }, body: form(answer).toString() }),
  jsonp: (answer) => ({ headers: { "content-type": "text/html" }, body: `callback( ${JSON.stringify(answer)} );\n` }),
  created: (answer) => json(answer, 201),
  accepted: (answer) => json(answer, 202),
  nested: (answer) => json({ code: 0, message: "OK", data: answer }),
  "nested-in-body": (answer) => json({ status: 0, body: answer }),
  authed_user: ({ access_token, refresh_token, expires_in }) =>
    json({
      ok: true,
      app_id: "A1",
      authed_user: { id: "U1", scope: "read,write", access_token, refresh_token, expires_in, token_type: "user" },
      team: { id: "T1", name: "Acme" },
    }),
  "token-object": ({ access_token, ...rest }) => json({ access_token: { token: access_token, user_id: 7 }, ...rest }),
  array: (answer) => json([answer]),
  camelCase: (answer) => json(Object.fromEntries(Object.entries(answer).map(([name, value]) => [camel(name), value]))),
  xml: (answer) => ({
    headers: { "content-type": "application/xml" },
    body: `<?xml version="1.0" encoding="UTF-8"?>\n<Response><Token>${elements(answer)}</Token></Response>`,
  }),
  headers: (answer) => ({
    headers: Object.fromEntries(outside(answer).map(([name, value]) => [`x-${name}`, value ?? ""])),
    body: "",
  }),
  cookies: (answer) => ({
    headers: {
      "set-cookie": ["LANG=en; Path=/", ...outside(answer).map(([name, value]) => `${name}=${value}; Path=/; HttpOnly`)],
    },
    body: { ok: true },
  }),
} as const satisfies Record<string, (answer: TokenAnswer) => Reply>;
