import { type Auth, compile, type OAuth2 } from "@jackfield/manifest";
import { type OpenConnection, publicNamesOf } from "../src/connection/open.ts";
import { view } from "../src/connection/view.ts";
import { capture } from "../src/grant/capture.ts";
import type { Runtime } from "../src/runtime.ts";

const { connector, problems } = compile(
  `manifest: 1
name: acme
title: Acme
base_url: https://api.acme.example
auth:
  key:
    type: api_key
    fields: [{ name: region, label: Region, required: true }]
    test: { request: { path: "/{{ fields.region }}" } }
    label: "{{ me.name }}"
    unique_id: me.id
  oauth:
    type: oauth2
    grant: authorization_code
    authorization: { url: https://acme.example/authorize }
    token: { url: https://acme.example/token, capture: { site: { value: site, pattern: "^[a-z-]+$" } } }
    revocation: { url: https://acme.example/revoke }
    test: { request: { path: "/{{ token.site }}" } }
    label: "{{ me.name }} {{ token.site }}"
    unique_id: me.id
`,
  { file: "acme" },
);

const authOf = (id: string): Auth => {
  const auth = connector?.auth[id];
  if (!auth) throw new Error(JSON.stringify(problems));
  return auth;
};

const runtime = {
  platform: { url: "https://jackfield.example" },
  connectors: { get: () => connector },
} as unknown as Runtime;
const record = { id: "con_1", environment: "production", connector: "acme", auth: "key" };

test("What is not sealed is made of names that hold no secret", () => {
  const known = { callback: {}, token: { site: "north" }, connection: {} };
  const opened = {
    record,
    connector,
    auth: authOf("key"),
    fields: { api_key: "canary-key", region: "eu" },
    credential: {
      access_token: "canary-access",
      refresh_token: "canary-refresh",
      token_secret: "canary-other",
      token_type: "Bearer",
      raw: { id_token: "canary-id" },
      expires_at: 1,
      lifetime: undefined,
      scopes: ["read"],
      known,
    },
    known,
  } as unknown as OpenConnection;
  const names = publicNamesOf(runtime, opened);
  expect(JSON.stringify(names)).not.toContain("canary-");
  expect(names).toMatchObject({
    fields: { region: "eu" },
    token: { site: "north", token_type: "Bearer", scope: "read", expires_at: 1 },
  });
});

test("A field that was stored in the open is not shown once its manifest calls it a secret", () => {
  const stored = { ...record, owner: "ada", label: null, name: null, fields: { api_key: "canary-key", region: "eu" } };
  expect(view(runtime, { owner: "ada" }, stored as never).fields).toEqual({ region: "eu" });
});

test("What is captured as no secret cannot be one of the tokens", async () => {
  const { capture: captures } = (authOf("oauth") as OAuth2).token;
  expect(await capture(captures, { site: "north" }, true, ["canary-token"])).toEqual({ site: "north" });
  for (const site of ["canary-token", "a-canary-token-b"])
    await expect(capture(captures, { site }, true, ["canary-token"])).rejects.toMatchObject({ code: "capture_refused" });
});
