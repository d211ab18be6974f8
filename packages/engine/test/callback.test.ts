import { createHmac } from "node:crypto";
import { compile, type OAuth2 } from "@jackfield/manifest";
import { captureCallback, readCallback, readStates, verifyCallback } from "../src/connection/sign-in/callback.ts";

const { connector, problems } = compile(
  `manifest: 1
name: acme
title: Acme
base_url: https://api.acme.example
auth:
  shop:
    type: oauth2
    grant: authorization_code
    authorization: { url: https://acme.example/authorize, rename: { state: customField } }
    callback:
      code: auth_code
      capture:
        realm: { param: realmId, pattern: "^[0-9]{1,20}$" }
        zone: { options: [eu.acme.example, us.acme.example], required: false }
      verify: { timestamp: timestamp }
    token: { url: https://acme.example/token }
    revocation: { url: https://acme.example/revoke }
    test: { request: { path: "/{{ callback.realm }}/{{ callback.zone }}" } }
    label: "{{ me.name }}"
    unique_id: me.id
`,
  { file: "acme" },
);

const auth = () => {
  if (!connector) throw new Error(JSON.stringify(problems));
  return connector.auth.shop as OAuth2;
};

const now = 1_700_000_000_000;
const names = { app: { client_secret: "hush" } };
const sign = (parameters: string, key = "hush") => createHmac("sha256", key).update(parameters).digest("hex");

test("Code and state come back under the provider's names", () => {
  const query = "auth_code=c&customField=s&code=other&state=other";
  expect(readStates(query, ["state", "customField", "absent"])).toEqual(["other", "s"]);
  expect(readCallback(query, auth().callback)).toMatchObject({ code: "c", state: "s", repeated: [] });
  expect(readCallback("auth_code=a&auth_code=b", auth().callback).repeated).toEqual(["auth_code"]);
});

test("What is captured has passed its pattern, or is one of its options", () => {
  const read = (query: string) => captureCallback(auth(), readCallback(query, auth().callback));
  expect(read("realmId=42&zone=eu.acme.example")).toEqual({ realm: "42", zone: "eu.acme.example" });
  expect(read("realmId=42")).toEqual({ realm: "42" });
  expect(() => read("realmId=42/../admin")).toThrow(expect.objectContaining({ code: "capture_refused" }));
  expect(() => read("realmId=42&zone=evil.example")).toThrow(expect.objectContaining({ code: "capture_refused" }));
  expect(() => read("zone=eu.acme.example")).toThrow(expect.objectContaining({ code: "capture_missing" }));
});

test("A callback counts only with the provider's signature over everything else in it", async () => {
  const check = (query: string) => verifyCallback(auth(), readCallback(query, auth().callback), names, now);
  const signed = "auth_code=c&shop=a.acme.example&timestamp=1700000000";
  await check(`shop=a.acme.example&hmac=${sign(signed)}&timestamp=1700000000&auth_code=c`);
  const refused = { code: "signature_invalid" };
  await expect(check(`${signed}&hmac=${sign(signed, "other")}`)).rejects.toMatchObject(refused);
  await expect(check(`${signed.replace("a.acme", "b.acme")}&hmac=${sign(signed)}`)).rejects.toMatchObject(refused);
  await expect(check(signed)).rejects.toMatchObject(refused);
  await expect(check(`${signed}&hmac=zz`)).rejects.toMatchObject(refused);
  const old = "auth_code=c&timestamp=1699990000";
  await expect(check(`${old}&hmac=${sign(old)}`)).rejects.toMatchObject(refused);
});

test("No parameter that counts may come twice, whether it is captured, signed or signs", () => {
  const twice = (name: string) => readCallback(`${name}=a&${name}=a`, auth().callback).repeated;
  for (const name of ["auth_code", "customField", "iss", "error", "realmId", "zone", "hmac", "timestamp"])
    expect(twice(name)).toEqual([name]);
  expect(twice("something_else")).toEqual([]);
});

test("Two parameters cannot be passed off as one that holds a separator", async () => {
  const signed = "auth_code=c&shop=a.acme.example&timestamp=1700000000";
  const merged = `auth_code=${encodeURIComponent("c&shop=a.acme.example")}&timestamp=1700000000&hmac=${sign(signed)}`;
  const check = (query: string) => verifyCallback(auth(), readCallback(query, auth().callback), names, now);
  await expect(check(merged)).rejects.toMatchObject({ code: "signature_invalid" });
  const escaped = "auth_code=c%26d%2525&timestamp=1700000000";
  await check(`auth_code=${encodeURIComponent("c&d%25")}&timestamp=1700000000&hmac=${sign(escaped)}`);
});

test("A refusal may come under a name of its own, with the state in it", () => {
  const names = { code: "oauth_verifier", state: "oauth_token", denied: "denied" };
  expect(readCallback("denied=t1", names)).toMatchObject({ error: "access_denied", state: "t1", code: undefined });
  expect(readCallback("oauth_token=t1&oauth_verifier=v", names)).toMatchObject({ error: undefined, state: "t1", code: "v" });
});
