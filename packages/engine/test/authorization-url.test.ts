import { compile, type OAuth2 } from "@jackfield/manifest";
import { beginAuthorization } from "../src/grant/authorization-code.ts";
import type { GrantContext } from "../src/grant/token-endpoint.ts";

async function urlOf(authorization: string): Promise<string> {
  const { connector, problems } = compile(
    `manifest: 1
name: acme
title: Acme
base_url: https://api.acme.example
auth:
  oauth:
    type: oauth2
    grant: authorization_code
    authorization: { ${authorization}, pkce: { none: It takes none. } }
    token: { url: https://acme.example/token }
    test: { request: { path: /me } }
    label: "{{ me.name }}"
    unique_id: me.id
`,
    { file: "acme" },
  );
  if (!connector) throw new Error(JSON.stringify(problems));
  const request = { client_id: "CID", redirect_uri: "https://cb.example/", scopes: ["a", "b"], state: "S", names: {} };
  return (await beginAuthorization({} as GrantContext, connector.auth.oauth as OAuth2, request)).url;
}

const parameters = "response_type=code&client_id=CID&redirect_uri=https%3A%2F%2Fcb.example%2F&scope=a%20b&state=S";

test.each([
  ["url: https://acme.example/authorize", `https://acme.example/authorize?${parameters}`],
  ["url: 'https://acme.example/authorize?tenant=1'", `https://acme.example/authorize?tenant=1&${parameters}`],
  ["url: https://acme.example/authorize, fragment: wide", `https://acme.example/authorize?${parameters}#wide`],
  ["url: https://acme.example/app/, route: /oauth/authorize", `https://acme.example/app/#/oauth/authorize?${parameters}`],
  ["url: 'https://acme.example/?tenant=1', route: authorize", `https://acme.example/?tenant=1#authorize?${parameters}`],
])("the authorization URL of { %s } has its parameters where the provider's page looks for them", async (authorization, url) => {
  expect(await urlOf(authorization)).toBe(url);
});
