import { generateKeyPairSync, verify } from "node:crypto";
import { type Assertion, compileTemplate } from "@jackfield/manifest";
import { clientAuthentications } from "../src/grant/client-authentication.ts";

const client = { client_id: "my:client id", client_secret: "p@ss:word!" };
const url = "https://login.acme.example/token";

const declared = {
  source: "app",
  authentication: "client_secret_post",
  id_param: "client_id",
  secret_param: "client_secret",
  assertion: undefined,
  certificate: "none",
  fields: [],
  registration: undefined,
} as const;

const context = { clock: () => 1_700_000_000_000, random: Buffer.alloc, egress: undefined as never };

const prove = async (method: keyof typeof clientAuthentications, over: object = {}, names: object = {}) =>
  clientAuthentications[method]({ context, client, declared: { ...declared, ...over }, url, names: { ...names } });

test("Basic form-encodes ID and secret before joining them (RFC 6749 §2.3.1)", async () => {
  expect(await prove("client_secret_basic")).toEqual({
    params: [],
    query: [],
    headers: { authorization: "Basic bXklM0FjbGllbnQraWQ6cCU0MHNzJTNBd29yZCUyMQ==" },
  });
});

test("Raw Basic joins them as they are", async () => {
  const { headers, params } = await prove("client_secret_basic_raw");
  expect(Buffer.from((headers.authorization ?? "").slice(6), "base64").toString()).toBe("my:client id:p@ss:word!");
  expect(params).toEqual([]);
});

test("Post puts both into the body, by the provider's names, and nothing into a header", async () => {
  const both = [
    ["appid", "my:client id"],
    ["secret", "p@ss:word!"],
  ];
  expect(await prove("client_secret_post", { id_param: "appid", secret_param: "secret" })).toEqual({
    params: both,
    query: [],
    headers: {},
  });
  expect(await prove("query", { id_param: "appid", secret_param: "secret" })).toEqual({ params: [], query: both, headers: {} });
});

test("A public client sends its ID and never a secret, even when one is saved", async () => {
  expect(await prove("none")).toEqual({ params: [["client_id", "my:client id"]], query: [], headers: {} });
});

test("Bearer sends the secret alone", async () => {
  expect(await prove("bearer")).toEqual({ params: [], query: [], headers: { authorization: "Bearer p@ss:word!" } });
});

test("An assertion is signed for this endpoint, with the manifest's claims over the engine's (RFC 7523 §3)", async () => {
  const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const pem = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  const assertion: Assertion = {
    algorithm: "RS256",
    key: compileTemplate("{{ app.private_key }}"),
    key_id: compileTemplate("k1"),
    header: {},
    claims: { scope: "a,b", jti: null },
    audience: undefined,
    lifetime: 300_000,
  };
  const { params, headers } = await prove("private_key_jwt", { assertion }, { app: { private_key: pem } });
  const sent = new Map(params);
  expect(sent.get("client_assertion_type")).toBe("urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
  expect(headers).toEqual({});
  expect(sent.has("client_secret")).toBe(false);
  const [head = "", payload = "", signature = ""] = (sent.get("client_assertion") ?? "").split(".");
  expect(JSON.parse(Buffer.from(head, "base64url").toString())).toMatchObject({ alg: "RS256", kid: "k1" });
  expect(JSON.parse(Buffer.from(payload, "base64url").toString())).toEqual({
    iss: "my:client id",
    sub: "my:client id",
    aud: url,
    iat: 1_700_000_000,
    exp: 1_700_000_300,
    scope: "a,b",
  });
  expect(verify("sha256", Buffer.from(`${head}.${payload}`), publicKey, Buffer.from(signature, "base64url"))).toBe(true);
});

test("A key that cannot sign is an error of whoever saved it", async () => {
  const assertion: Assertion = {
    algorithm: "RS256",
    key: compileTemplate("{{ app.private_key }}"),
    key_id: undefined,
    header: {},
    claims: {},
    audience: undefined,
    lifetime: 300_000,
  };
  for (const app of [{}, { private_key: "no key" }]) {
    await expect(prove("private_key_jwt", { assertion }, { app })).rejects.toMatchObject({ code: "assertion_key_invalid" });
  }
});
