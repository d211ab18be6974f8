import { createHmac, createPrivateKey, createPublicKey, generateKeyPairSync, type JsonWebKey, verify } from "node:crypto";
import { compileExpression, ExpressionError } from "../src/expression.ts";
import { compileTemplate } from "../src/template.ts";

const evaluate = async (source: string, input: unknown = {}) => compileExpression(source).evaluate(input);

async function errorOf(source: string, input: unknown): Promise<ExpressionError> {
  const error: unknown = await evaluate(source, input).then(
    (value) => new Error(`${source} gave ${JSON.stringify(value)}`),
    (cause: unknown) => cause,
  );
  if (!(error instanceof ExpressionError)) throw error;
  return error;
}

const parts = (token: unknown) => String(token).split(".");
const decoded = (part: string | undefined): unknown => JSON.parse(Buffer.from(part ?? "", "base64url").toString("utf8"));

describe("encodings and digests", () => {
  test.each([
    ["$base64('Ä?>')", "w4Q/Pg=="],
    ["$base64url('Ä?>')", "w4Q_Pg"],
    ["$md5('abc')", "900150983cd24fb0d6963f7d28e17f72"],
    ["$sha1('abc')", "a9993e364706816aba3e25717850c26c9cd0d89d"],
    ["$sha256('abc')", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
    ["$sha256('abc', 'base64')", "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0="],
    ["$sha256('abc', 'base64url')", "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0"],
    ["$sha384('abc')", "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"],
    [
      "$sha512('abc')",
      "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    ],
  ])("%s", async (source, expected) => {
    expect(await evaluate(source)).toBe(expected);
  });

  test.each([
    "$sha256(x)",
    "$md5(x)",
    "$base64(x)",
    "$hmac(x, 'k')",
    "$hmac('t', x)",
    "$sign(x, 'k')",
    "$jwt(x, 'k')",
    "$form(x)",
  ])("%s of nothing is nothing", async (source) => {
    expect(await evaluate(source)).toBeUndefined();
  });

  test("what is not known is refused", async () => {
    expect((await errorOf("$sha256('a', 'base32')", {})).message).toMatch(/encoding must be one of hex, base64, base64url/);
    expect((await errorOf("$hmac('a', 'b', 'crc32')", {})).message).toMatch(/algorithm must be one of/);
  });
});

describe("$hmac", () => {
  const jefe = ["what do ya want for nothing?", "Jefe"] as const;
  test.each([
    // RFC 2202 §2 and §3, RFC 4231 §4.2 and §4.3
    [jefe, "md5", "utf8", "750c783e6ab0b503eaa86e310a5db738"],
    [jefe, "sha1", "utf8", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"],
    [jefe, "sha256", "utf8", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"],
    [["Hi There", "0b".repeat(20)], "sha1", "hex", "b617318655057264e28bc0b6fb378c8ef146be00"],
    [["Hi There", "0b".repeat(20)], "sha256", "hex", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"],
    [
      ["Hi There", "CwsLCwsLCwsLCwsLCwsLCwsLCws="],
      "sha256",
      "base64",
      "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
    ],
    [jefe, "sha384", "utf8", "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649"],
    [
      jefe,
      "sha512",
      "utf8",
      "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
    ],
  ] as const)("of %j with %s", async ([text, key], algorithm, keyEncoding, expected) => {
    const names = { text, key, algorithm, keyEncoding };
    expect(await evaluate("$hmac(text, key, algorithm, 'hex', keyEncoding)", names)).toBe(expected);
    if (algorithm === "sha256" && keyEncoding === "utf8") expect(await evaluate("$hmac(text, key)", names)).toBe(expected);
  });

  test("agrees with RFC 7515, appendix A.1", async () => {
    const signed =
      "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    const key = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
    expect(await evaluate("$hmac(signed, key, 'sha256', 'base64url', 'base64')", { signed, key })).toBe(
      "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
    );
  });
});

/** RFC 7515, appendix A.2. */
const rfcKey: JsonWebKey = {
  kty: "RSA",
  n: "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ",
  e: "AQAB",
  d: "Eq5xpGnNCivDflJsRQBXHx1hdR1k6Ulwe2JZD50LpXyWPEAeP88vLNO97IjlA7_GQ5sLKMgvfTeXZx9SE-7YwVol2NXOoAJe46sui395IW_GO-pWJ1O0BkTGoVEn2bKVRUCgu-GjBVaYLU6f3l9kJfFNS3E0QbVdxzubSu3Mkqzjkn439X0M_V51gfpRLI9JYanrC4D4qAdGcopV_0ZHHzQlBjudU2QvXt4ehNYTCBr6XCLQUShb1juUO1ZdiYoFaFQT5Tw8bGUl_x_jTj3ccPDVZFD9pIuhLhBOneufuBiB4cS98l2SR_RQyGWSeWjnczT0QU91p1DhOVRuOopznQ",
  p: "4BzEEOtIpmVdVEZNCqS7baC4crd0pqnRH_5IB3jw3bcxGn6QLvnEtfdUdiYrqBdss1l58BQ3KhooKeQTa9AB0Hw_Py5PJdTJNPY8cQn7ouZ2KKDcmnPGBY5t7yLc1QlQ5xHdwW1VhvKn-nXqhJTBgIPgtldC-KDV5z-y2XDwGUc",
  q: "uQPEfgmVtjL0Uyyx88GZFF1fOunH3-7cepKmtH4pxhtCoHqpWmT8YAmZxaewHgHAjLYsp1ZSe7zFYHj7C6ul7TjeLQeZD_YwD66t62wDmpe_HlB-TnBA-njbglfIsRLtXlnDzQkv5dTltRJ11BKBBypeeF6689rjcJIDEz9RWdc",
  dp: "BwKfV3Akq5_MFZDFZCnW-wzl-CCo83WoZvnLQwCTeDv8uzluRSnm71I3QCLdhrqE2e9YkxvuxdBfpT_PI7Yz-FOKnu1R6HsJeDCjn12Sk3vmAktV2zb34MCdy7cpdTh_YVr7tss2u6vneTwrA86rZtu5Mbr1C1XsmvkxHQAdYo0",
  dq: "h_96-mK1R_7glhsum81dZxjTnYynPbZpHziZjeeHcXYsXaaMwkOlODsWa7I9xXDoRwbKgB719rrmI2oKr6N3Do9U0ajaHF-NKJnwgjMd2w9cjz3_-kyNlxAr2v4IKhGNpmM5iIgOS1VZnOZ68m6_pbLBSp3nssTdlqvd0tIiTHU",
  qi: "IYd7DHOhrWvxkwPQsRM2tOgrjbcrfvtQJipd-DlcxyVuuMzQqF5LjGMk2Njeh2pJ0iaSMnvL0VDIYyJ2xD7dvWCkp2HZGqkyHBnjc6r1LzTXh2rCRuJdWv8dEDKsDT4G5gA3LuTbYlHYNjTUWMaGtd0YNLuyvDVmvkBcQ1Q9sUA",
};
const rsa = createPrivateKey({ key: rfcKey, format: "jwk" });
const rsaPem = rsa.export({ type: "pkcs8", format: "pem" }).toString();

describe("$sign", () => {
  test("agrees with RFC 7515, appendix A.2", async () => {
    const signed =
      "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    expect(await evaluate("$sign(signed, key, 'RS256', 'base64url')", { signed, key: rsaPem })).toBe(
      "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw",
    );
  });

  test("agrees with RFC 8037, appendix A.4", async () => {
    const jwk = {
      kty: "OKP",
      crv: "Ed25519",
      d: "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
      x: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    };
    const key = createPrivateKey({ key: jwk, format: "jwk" }).export({ type: "pkcs8", format: "pem" });
    const signed = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc";
    expect(await evaluate("$sign(signed, key, 'EdDSA', 'base64url')", { signed, key: String(key) })).toBe(
      "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
    );
  });
});

describe("$jwt", () => {
  const claims = { iss: "me", exp: 1300819380, scope: ["a", "b"] };
  const ec256 = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const ec384 = generateKeyPairSync("ec", { namedCurve: "P-384" });
  const ed = generateKeyPairSync("ed25519");
  const bare = { dsaEncoding: "ieee-p1363" } as const;

  test.each([
    ["RS256", rsa, "sha256", {}],
    ["RS384", rsa, "sha384", {}],
    ["RS512", rsa, "sha512", {}],
    ["PS256", rsa, "sha256", { padding: 6, saltLength: 32 }],
    ["ES256", ec256.privateKey, "sha256", bare],
    ["ES384", ec384.privateKey, "sha384", bare],
    ["EdDSA", ed.privateKey, null, {}],
  ] as const)("with %s is what the public key verifies", async (algorithm, privateKey, digest, options) => {
    const key = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    const token = await evaluate("$jwt(claims, key, algorithm, {'kid': 'k1'})", { claims, key, algorithm });
    const [header, payload, signature] = parts(token);
    expect([decoded(header), decoded(payload)]).toEqual([{ alg: algorithm, typ: "JWT", kid: "k1" }, claims]);
    const publicKey = { key: createPublicKey(key), ...options };
    expect(verify(digest, Buffer.from(`${header}.${payload}`), publicKey, Buffer.from(signature ?? "", "base64url"))).toBe(true);
  });

  test.each(["HS256", "HS384", "HS512"])("with %s is a keyed digest", async (algorithm) => {
    const [header, payload, signature] = parts(await evaluate("$jwt(claims, 'sécret', algorithm)", { claims, algorithm }));
    const digest = createHmac(algorithm.replace("HS", "sha"), "sécret").update(`${header}.${payload}`).digest("base64url");
    expect(signature).toBe(digest);
  });

  test("takes a key however it arrives, and RS256 by default", async () => {
    const pkcs1 = rsa.export({ type: "pkcs1", format: "pem" }).toString();
    const spellings = [
      rsaPem,
      pkcs1,
      pkcs1.replaceAll("\n", "\\n"),
      rsaPem.replaceAll("\n", " "),
      rsaPem.replaceAll("\n", "\r\n"),
    ];
    const tokens = await Promise.all(spellings.map((key) => evaluate("$jwt(claims, key)", { claims, key })));
    expect(new Set(tokens).size).toBe(1);
    expect(decoded(parts(tokens[0])[0])).toEqual({ alg: "RS256", typ: "JWT" });
  });

  test("the header cannot name another algorithm, and goes without `typ` if it must", async () => {
    const token = await evaluate("$jwt(claims, 'k', 'HS256', {'alg': 'none', 'typ': null})", { claims });
    expect(decoded(parts(token)[0])).toEqual({ alg: "HS256" });
  });

  test.each(
    [
      ["RS256", "canary-7777", "no private key in PEM"],
      ["RS256", "-----BEGIN PRIVATE KEY-----\ncanary7777\n-----END PRIVATE KEY-----", "cannot be read"],
      ["ES256", rsaPem, "another kind"],
      ["ES384", ec256.privateKey.export({ type: "pkcs8", format: "pem" }).toString(), "another kind"],
      ["HS256", "", "empty"],
      ["none", "canary-7777", "algorithm must be one of"],
    ].map(([algorithm, key, words]) => ({ algorithm, key, words: words ?? "" })),
  )("with $algorithm and a key that does not fit says so without the key ($words)", async ({ algorithm, key, words }) => {
    const error = await errorOf("$jwt({'a': 1}, key, algorithm)", { key, algorithm });
    expect(error.code).toBe("expression_failed");
    expect(error.message).toContain(words === "empty" ? "The key is empty" : words);
    expect(`${error.message} ${JSON.stringify(error.cause)} ${String(error.cause)}`).not.toMatch(/canary/);
  });
});

test.each([
  [`eyJhbGciOiJub25lIn0.${Buffer.from('{"sub":"Zoë"}').toString("base64url")}.`, { sub: "Zoë" }],
  ["eyJhbGciOiJub25lIn0.WzFd.", undefined],
  ["a.b", undefined],
  ["opaque", undefined],
  [7, undefined],
])("$jwtClaims of %j", async (token, expected) => {
  expect(await evaluate("$jwtClaims(token)", { token })).toEqual(expected);
});

test("$jwtClaims gives parts, for expiry and identity", async () => {
  const token = `e30.${Buffer.from('{"exp":7,"o":{"id":"x"}}').toString("base64url")}.s`;
  expect(await evaluate("$jwtClaims(token).o.id", { token })).toBe("x");
});

test("$form writes pairs as a form does", async () => {
  expect(await evaluate("$form({'a b': 'x&y=ü', 'n': 7, 'yes': true, 'list': ['1', '2'], 'none': null, 'gone': nothing})")).toBe(
    "a+b=x%26y%3D%C3%BC&n=7&yes=true&list=1&list=2",
  );
  expect((await errorOf("$form({'a': {'b': 1}})", {})).code).toBe("expression_type");
});

test("$parse gives the data of a JSON text within the limits of all data, and nothing for what is none", async () => {
  expect(await evaluate("$parse(text).b[0].c", { text: '{"b":[{"c":2}],"__proto__":{"x":1}}' })).toBe(2);
  expect(await evaluate("$parse(text)", { text: "no JSON" })).toBeUndefined();
  const deep = `${"[".repeat(5000)}${"]".repeat(5000)}`;
  expect((await errorOf("$parse(text)", { text: deep })).code).toBe("expression_too_deep");
});

test("$jsonAscii writes what a header can carry", async () => {
  expect(await evaluate("$jsonAscii({'path': path})", { path: "/ü/😀\n" })).toBe(String.raw`{"path":"/\u00fc/\ud83d\ude00\n"}`);
});

describe("time and chance are given", () => {
  const ambient = { clock: () => Date.UTC(2026, 0, 31, 12), random: (bytes: number) => Buffer.alloc(bytes, 0xff) };

  test.each([
    ["$now()", "2026-01-31T12:00:00.000Z"],
    ["$now('[Y0001]-[M01]-[D01] [H01]:[m01]', '+0200')", "2026-01-31 14:00"],
    ["$millis()", 1769860800000],
    ["$toMillis('13:00', '[H01]:[m01]')", 1769864400000],
    ["$uuid()", "ffffffff-ffff-4fff-bfff-ffffffffffff"],
  ])("%s", async (source, expected) => {
    expect(await compileExpression(source).evaluate({}, ambient)).toBe(expected);
    expect(await compileTemplate(`{{ ${source} }}`).render({}, ambient)).toBe(expected);
  });

  test("each evaluation has its own, also of one expression at the same time", async () => {
    const expression = compileExpression("$millis() & ' ' & x");
    const times = await Promise.all([1, 2, 3].map((x) => expression.evaluate({ x }, { ...ambient, clock: () => x })));
    expect(times).toEqual(["1 1", "2 2", "3 3"]);
  });

  test("by default they are the system's", async () => {
    const before = Date.now();
    expect(Number(await evaluate("$millis()"))).toBeGreaterThanOrEqual(before);
    expect(await evaluate("$uuid()")).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(await evaluate("$uuid() = $uuid()")).toBe(false);
  });
});
