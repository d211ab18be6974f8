import { signatureBase, signRequest } from "../src/grant/oauth1.ts";

// RFC 5849, section 1.2: the request for a photo, and its signature.
const photo = { method: "GET", url: "http://photos.example.net/photos?file=vacation.jpg&size=original" };
const client = { client_id: "dpf43f3p2l4k3l03", client_secret: "kd94hf93k423kf44" };
const token = { client, token: "nnch734d00sl2jdk", secret: "pfkkdhi9sl3r4s00" };

test("The signature base is that of RFC 5849, section 3.4.1", () => {
  const request = {
    method: "POST",
    url: "http://EXAMPLE.COM:80/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b",
    form: [
      ["c2", ""],
      ["a3", "2 q"],
    ] as const,
  };
  const protocol = [
    ["oauth_consumer_key", "9djdj82h48djs9d2"],
    ["oauth_token", "kkk9d7dh3k39sjv7"],
    ["oauth_signature_method", "HMAC-SHA1"],
    ["oauth_timestamp", "137131201"],
    ["oauth_nonce", "7d8f3e4a"],
  ] as const;
  expect(signatureBase(request, protocol)).toBe(
    "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540%3D%26c2%3D%26" +
      "oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method%3DHMAC-SHA1%26" +
      "oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7",
  );
});

test("Plain text is the two secrets, encoded and joined", async () => {
  const context = { clock: () => 137_131_202_000, random: (bytes: number) => Buffer.alloc(bytes, 7) };
  const header = await signRequest(context, { signature_method: "PLAINTEXT", realm: undefined }, photo, token, {});
  expect(header).toContain('oauth_signature="kd94hf93k423kf44%26pfkkdhi9sl3r4s00"');
  expect(header).toContain('oauth_timestamp="137131202"');
});

test("A signature depends on the URL, the method and both secrets", async () => {
  const context = { clock: () => 0, random: Buffer.alloc };
  const auth = { signature_method: "HMAC-SHA1", realm: undefined } as const;
  const sign = async (request: typeof photo, keys: typeof token) =>
    /oauth_signature="([^"]+)"/.exec(await signRequest(context, auth, request, keys, {}))?.[1];
  const signatures = await Promise.all([
    sign(photo, token),
    sign({ ...photo, method: "PUT" }, token),
    sign({ ...photo, url: `${photo.url}x` }, token),
    sign(photo, { ...token, secret: "other" }),
    sign(photo, { ...token, client: { ...client, client_secret: "other" } }),
  ]);
  expect(new Set(signatures).size).toBe(5);
});

test("A key that cannot sign is the admin's to mend, and is in no error", async () => {
  const context = { clock: () => 0, random: Buffer.alloc };
  const keys = { ...token, client: { ...client, secrets: { private_key: "canary-no-key" } } };
  const signed = signRequest(context, { signature_method: "RSA-SHA1", realm: undefined }, photo, keys, {});
  const error = await signed.catch((cause: unknown) => cause);
  expect(error).toMatchObject({ code: "assertion_key_invalid" });
  expect(String((error as Error).message)).not.toContain("canary");
});
