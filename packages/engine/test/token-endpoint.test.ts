import { compile, type OAuth2 } from "@jackfield/manifest";
import { createEgress, type Egress } from "../src/egress/egress.ts";
import { requestToken, tokenEndpoint } from "../src/grant/exchange.ts";
import { TokenFailure } from "../src/grant/token-failure.ts";
import { closeListeners, errorOf, type Listener, listen, type Seen } from "./egress/listener.ts";

let egress: Egress;
beforeEach(() => {
  egress = createEgress({ allowPrivate: ["127.0.0.0/8"] });
});
afterEach(async () => {
  await closeListeners();
  await egress.close();
});

function authAt(port: number): OAuth2 {
  const manifest = `manifest: 1
name: acme
title: Acme
description: Everything in one Acme account.
categories: [storage]
docs_url: https://acme.example/docs
base_url: http://127.0.0.1:${port}
auth:
  main:
    type: oauth2
    grant: authorization_code
    client: { authentication: client_secret_basic }
    authorization: { url: "http://127.0.0.1:${port}/authorize" }
    token: { url: "http://127.0.0.1:${port}/token" }
    test: { request: { path: /me } }
    label: "{{ me.name }}"
    unique_id: me.id
`;
  const { connector, problems } = compile(manifest, { file: "connector.yaml", plainHttp: () => true });
  expect(problems.filter(({ severity }) => severity === "error")).toEqual([]);
  return connector?.auth.main as OAuth2;
}

const client = { client_id: "an:id", client_secret: "s~e+c/r=e:t" };

function ask(listener: Listener): ReturnType<typeof requestToken> {
  const auth = authAt(listener.port);
  const context = { egress, random: (bytes: number): Buffer => Buffer.alloc(bytes), clock: Date.now };
  const request = tokenEndpoint(auth, { client, names: {} }, [["grant_type", "client_credentials"]]);
  return requestToken(context, auth, request, "exchange");
}

function answering(status: number, body: (request: Seen) => object): Promise<Listener> {
  return listen((request, response) => response.writeHead(status).end(JSON.stringify(body(request))));
}

describe.each(["access_token", "refresh_token"])("An answer is refused and may be asked for again if its %s", (name) => {
  test.each([
    ["is longer than 16 KB", "a".repeat(16 * 1024 + 1)],
    ["is longer than 16 KB in UTF-8", "ä".repeat(8 * 1024 + 1)],
    ["holds a line feed", "canary\nx"],
    ["holds a carriage return", "canary\r"],
    ["holds a NUL", "canary\0"],
    ["holds a control character beyond ASCII", "canary\u0085"],
    ["holds half a surrogate pair", "canary\ud800"],
  ])("%s", async (_, token) => {
    const listener = await answering(200, () => ({ access_token: "good", refresh_token: "good", [name]: token }));
    const error = await errorOf(ask(listener));
    expect(error.code).toBe("token_answer_invalid");
    // A refresh tries again after every failure but a refusal of the provider's.
    expect(error).not.toBeInstanceOf(TokenFailure);
    expect(error.message).toMatch(`the ${name.replace("_", " ")} `);
    expect(error.message).not.toContain("canary");
  });
});

test("A token of 16 KB, and one beyond ASCII, are taken", async () => {
  const tokens = { access_token: "a".repeat(16 * 1024), refresh_token: "ä 😀" };
  expect(await ask(await answering(200, () => tokens))).toMatchObject(tokens);
});

test.each<[string, (basic: string) => string]>([
  ["the whole header", (basic) => basic],
  ["the credential alone", (basic) => basic.slice(6)],
  ["the credential in PHP's JSON", (basic) => basic.slice(6).replaceAll("/", "\\/")],
  ["the credential decoded", (basic) => Buffer.from(basic.slice(6), "base64").toString()],
  ["the secret", () => client.client_secret],
])("A refusal that echoes HTTP Basic as %s does not give the secret away", async (_, echo) => {
  const listener = await answering(401, ({ headers }) => ({
    error: "invalid_client",
    error_description: `Unknown: ${echo(headers.authorization ?? "")}`,
  }));
  const error = await errorOf(ask(listener));
  expect(error.code).toBe("client_refused");
  expect(error.provider?.error_description).toMatch(/^Unknown: (an%3Aid:)?\[redacted\]$/);
  expect(listener.seen[0]?.headers.authorization).toMatch(/^Basic /);
});

test("A refusal whose error is an object is told in the provider's words", async () => {
  const listener = await answering(400, () => ({ error: { type: "OAuthException", message: "The code is used." } }));
  const error = await errorOf(ask(listener));
  expect(error).toBeInstanceOf(TokenFailure);
  expect(error.message).toContain("The code is used.");
});
