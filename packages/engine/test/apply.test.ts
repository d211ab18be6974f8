import { randomBytes } from "node:crypto";
import { type Auth, compile } from "@jackfield/manifest";
import { authorize } from "../src/connection/apply.ts";

const { connector, problems } = compile(
  `manifest: 1
name: acme
title: Acme
base_url: https://api.acme.example/v1
auth:
  key:
    type: api_key
    apply: { in: path, value: "key{{ fields.api_key }}" }
    test: { request: { path: /me } }
    label: "{{ me.name }}"
    unique_id: me.id
`,
  { file: "acme" },
);

const urlOf = async (url: string) => {
  const auth = connector?.auth.key as Auth | undefined;
  if (!auth) throw new Error(JSON.stringify(problems));
  const outgoing = { method: "GET", url, base: "https://api.acme.example/v1", headers: {}, content: undefined };
  const keys = { client: undefined, credential: undefined };
  const context = { clock: Date.now, random: randomBytes };
  return (await authorize(context, auth, outgoing, { fields: { api_key: "a/b" } }, keys)).request.url;
};

test("A credential in the path stands there once, also in a next page's URL that holds it already", async () => {
  const expected = "https://api.acme.example/v1/keya%2Fb/items?page=2";
  expect(await urlOf("https://api.acme.example/v1/items?page=2")).toBe(expected);
  expect(await urlOf(expected)).toBe(expected);
  await expect(urlOf("https://api.acme.example/v2/items")).rejects.toMatchObject({ code: "url_invalid" });
  await expect(urlOf("https://api.acme.example/v10/items")).rejects.toMatchObject({ code: "url_invalid" });
});
