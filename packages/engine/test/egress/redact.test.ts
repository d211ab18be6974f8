import { createRedactor, redactDeep } from "../../src/egress/redact.ts";

const secret = 'ya29.a0/Äb+c"d\\e f=&~!';

describe("A secret is found in every form in which it is echoed", () => {
  const bytes = Buffer.from(secret);
  test.each<[string, string]>([
    ["as it is", secret],
    ["base64", bytes.toString("base64")],
    ["base64 without padding", bytes.toString("base64").replaceAll("=", "")],
    ["base64url", bytes.toString("base64url")],
    ["percent-encoded", encodeURIComponent(secret)],
    ["percent-encoded in lower case", encodeURIComponent(secret).replace(/%../g, (byte) => byte.toLowerCase())],
    ["form-encoded", new URLSearchParams({ a: secret }).toString().slice(2)],
    [
      "form-encoded in lower case",
      new URLSearchParams({ a: secret })
        .toString()
        .slice(2)
        .replace(/%../g, (byte) => byte.toLowerCase()),
    ],
    ["in JSON", JSON.stringify(secret).slice(1, -1)],
    ["in JSON with escaped slashes", JSON.stringify(secret).slice(1, -1).replaceAll("/", "\\/")],
    ["in JSON in ASCII", JSON.stringify(secret).slice(1, -1).replace("Ä", "\\u00c4")],
    ["percent-encoded base64", encodeURIComponent(bytes.toString("base64"))],
  ])("%s", (_form, text) => {
    expect(createRedactor([secret])(`before ${text} after`)).toBe("before [redacted] after");
  });

  test.each(["", "a", "ab", "abc", "client-id"])("in HTTP Basic after %j and a colon", (id) => {
    const basic = Buffer.from(`${id}:${secret}`).toString("base64");
    const redacted = createRedactor([secret])(`Authorization: Basic ${basic}`);
    expect(redacted).toContain("[redacted]");
    const rest = Buffer.from(redacted.replace(/^.*Basic /, "").replace(/\[redacted\].*$/, ""), "base64").toString();
    expect(`${id}:${secret}`.startsWith(rest.slice(0, -1))).toBe(true);
    expect(rest.length).toBeLessThanOrEqual(id.length + 2);
  });
});

describe("A redactor", () => {
  test("leaves texts alone when it has no secrets", () => {
    expect(createRedactor([])("text")).toBe("text");
    expect(createRedactor(["", "short"])("a short text")).toBe("a short text");
  });

  test("begins at six characters", () => {
    expect(createRedactor(["abcde", "123456"])("abcde 123456")).toBe("abcde [redacted]");
  });

  test("replaces every occurrence, of every secret, also side by side", () => {
    expect(createRedactor(["secret-a", "secret-b"])("secret-asecret-b, secret-a")).toBe("[redacted][redacted], [redacted]");
  });

  test("prefers the longer of two secrets of which one begins with the other", () => {
    expect(createRedactor(["secret", "secret-and-more"])("x secret-and-more y secret z")).toBe("x [redacted] y [redacted] z");
  });

  test("takes secrets literally", () => {
    expect(createRedactor([".*.*.*", "(((((((", "[a-z]+", "$&$&$&"])("harmless .*.*.* ((((((( [a-z]+ $&$&$&")).toBe(
      "harmless [redacted] [redacted] [redacted] [redacted]",
    );
  });

  test("survives half a surrogate pair", () => {
    expect(createRedactor(["abc\ud800def"])("abc\ud800def")).toBe("[redacted]");
  });

  test("is quick with many secrets and a long text", () => {
    const secrets = Array.from({ length: 50 }, (_, index) => `secret-number-${index}-of-many`);
    const text = "nothing to see here ".repeat(50_000);
    const start = Date.now();
    expect(createRedactor(secrets)(text)).toBe(text);
    expect(Date.now() - start).toBeLessThan(2000);
  });
});

describe("A JSON value", () => {
  const redact = createRedactor(["canary-secret", "12345678"]);

  test("is redacted in its texts, keys and numbers, and the given one stays as it is", () => {
    const value = {
      text: "has canary-secret in it",
      list: ["canary-secret", { "canary-secret": null }],
      number: 12345678,
      other: 123456789,
      yes: true,
      none: null,
    };
    const before = JSON.stringify(value);
    expect(redactDeep(redact, value)).toEqual({
      text: "has [redacted] in it",
      list: ["[redacted]", { "[redacted]": null }],
      number: "[redacted]",
      other: 123456789,
      yes: true,
      none: null,
    });
    expect(JSON.stringify(value)).toBe(before);
  });

  test("is given back itself when there are no secrets", () => {
    const value = { a: [1] };
    expect(redactDeep(createRedactor([]), value)).toBe(value);
  });

  test("may be nested deeper than the stack, and may have a key __proto__", () => {
    const deep = JSON.parse(`${'{"a":'.repeat(5000)}"canary-secret"${"}".repeat(5000)}`) as unknown;
    expect(JSON.stringify(redactDeep(redact, deep))).not.toContain("canary");
    const value = JSON.parse('{"__proto__": "canary-secret"}') as unknown;
    expect(JSON.stringify(redactDeep(redact, value))).toBe('{"__proto__":"[redacted]"}');
  });
});
