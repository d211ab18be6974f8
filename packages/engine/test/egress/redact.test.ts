import { randomBytes } from "node:crypto";
import { createRedactor, redactDeep } from "../../src/egress/redact.ts";

/** Milliseconds. What is slow takes minutes; machines differ, so only that is told apart. */
const hang = 30_000;

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

describe.each<[string, (text: string) => string]>([
  ["form-encoded (RFC 6749 §2.3.1)", (text) => new URLSearchParams({ a: text }).toString().slice(2)],
  ["percent-encoded", encodeURIComponent],
])("In HTTP Basic, %s before", (_, encode) => {
  test.each<[string, string, BufferEncoding]>(
    ["", "a", "ab", "abc", "an:id"].flatMap((id) =>
      ["s~e+c/r=e:t ü", "secret!'()*~", "????>>>>"].flatMap((hard): [string, string, BufferEncoding][] => [
        [id, hard, "base64"],
        [id, hard, "base64url"],
      ]),
    ),
  )("after %j the secret %j is found in %s", (id, hard, encoding) => {
    const before = `${encode(id)}:`;
    const basic = Buffer.from(before + encode(hard)).toString(encoding);
    const redacted = createRedactor([hard])(`<${basic}>`);
    expect(redacted).toContain("[redacted]");
    const [start = "", end = ""] = redacted.slice(1, -1).split("[redacted]");
    // At most the character of base64 on each side that the secret shares with what is around it.
    expect(Buffer.from(start, "base64").length).toBeLessThanOrEqual(before.length + 1);
    expect(end.replaceAll("=", "").length).toBeLessThanOrEqual(1);
  });
});

/** What a redactor does, said as simply as can be: at every place the longest secret that begins there. */
function plainly(secrets: readonly string[], text: string): string {
  const longestFirst = [...secrets].sort((a, b) => b.length - a.length);
  let result = "";
  for (let place = 0; place < text.length; ) {
    const found = longestFirst.find((secret) => text.startsWith(secret, place));
    result += found === undefined ? text[place] : "[redacted]";
    place += found?.length ?? 1;
  }
  return result;
}

describe("A redactor", () => {
  test("finds what a plain search finds in texts that repeat themselves", () => {
    const random = (limit: number): number => Math.floor(Math.random() * limit);
    const word = (length: number): string => Array.from({ length }, () => "ab"[random(2)]).join("");
    for (let round = 0; round < 2000; round += 1) {
      const period = word(1 + random(4));
      const secrets = Array.from({ length: 1 + random(4) }, () => period.repeat(60).slice(0, 6 + random(100)) + word(random(4)));
      const text = Array.from({ length: 6 }, () => period.repeat(60).slice(0, random(160)) + word(random(6))).join("");
      expect([secrets, text, createRedactor(secrets)(text)]).toEqual([secrets, text, plainly(secrets, text)]);
    }
  });

  // Each of these took from many seconds to for ever when it was searched for by a pattern or by `indexOf`.
  const megabytes10 = 10 << 20;
  const a = "a".repeat(megabytes10);
  test.each<[string, string[], string]>([
    ["a secret that repeats itself before and after a break", [`${"a".repeat(40)}b${"a".repeat(8000)}`], a],
    ["a secret that repeats itself and then breaks", [`${"a".repeat(8000)}b`], a],
    ["several such, next to one that is there", ["c".repeat(6), `${"a".repeat(8000)}b`, `${"a".repeat(4000)}b`], `cccccc${a}`],
    ["a text that repeats the base64 of one", [`${"a".repeat(8000)}!`], "YWFh".repeat(megabytes10 / 4)],
    [
      "five random secrets",
      Array.from({ length: 5 }, () => randomBytes(60).toString("base64")),
      randomBytes((megabytes10 / 4) * 3).toString("base64"),
    ],
  ])("is quick with %s in ten megabytes", (_, secrets, text) => {
    const start = Date.now();
    const clean = createRedactor(secrets)(text);
    expect(Date.now() - start).toBeLessThan(hang);
    // Not toBe, which would print the text.
    expect(clean === text.replace("cccccc", "[redacted]")).toBe(true);
  });

  test("takes a secret of any length", () => {
    for (const long of [randomBytes(26 * 1024).toString("base64"), randomBytes(26 * 1024).toString("latin1")]) {
      const echoed = [long, Buffer.from(`id:${long}`).toString("base64"), encodeURIComponent(long)];
      const clean = createRedactor([long])(echoed.join(" and "));
      expect(clean).toMatch(/^\[redacted\] and .{0,5}\[redacted\].{0,2}=* and \[redacted\]$/);
    }
  });

  test("costs next to nothing until it is used", () => {
    const secrets = Array.from({ length: 5 }, () => randomBytes(26 * 1024).toString("base64"));
    const start = Date.now();
    for (let count = 0; count < 10_000; count += 1) createRedactor(secrets);
    expect(Date.now() - start).toBeLessThan(hang);
  });

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
    expect(Date.now() - start).toBeLessThan(hang);
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

describe("Bytes that arrive in pieces", () => {
  const forms = [
    secret,
    encodeURIComponent(secret),
    Buffer.from(secret).toString("base64"),
    JSON.stringify(secret).slice(1, -1),
    "another-secret-that-begins-like-another-secret-that-is-longer",
  ];
  const stream = (
    pieces: readonly Buffer[],
    secrets = [secret, "another-secret-that-begins-like-another-secret-that-is-longer"],
  ) => {
    const redactor = createRedactor(secrets).stream();
    return Buffer.concat([...pieces.map((piece) => redactor.push(piece)), redactor.end()]);
  };

  test.each(forms)("hold no secret, wherever they are cut: %s", (form) => {
    const text = Buffer.from(`{"before":"${form.slice(0, 4)}","found":"${form}","after":"${form.slice(0, -1)}"}`);
    const whole = stream([text]);
    expect(whole.length).toBe(text.length);
    expect(whole.includes(Buffer.from(form))).toBe(false);
    for (let at = 0; at <= text.length; at += 1)
      expect(stream([text.subarray(0, at), text.subarray(at)]).toString()).toBe(whole.toString());
    expect(stream([...text].map((byte) => Buffer.from([byte]))).toString()).toBe(whole.toString());
  });

  test("keep what only began like a secret", () => {
    for (let length = 0; length < secret.length; length += 1) {
      const text = `${secret.slice(0, length)}€`;
      expect(stream([Buffer.from(text)]).toString()).toBe(text);
    }
  });

  test("are held back only as long as they could become a secret", () => {
    const redactor = createRedactor(["canary-secret"]).stream();
    expect(redactor.push(Buffer.from("data: 1\n\n")).toString()).toBe("data: 1\n\n");
    expect(redactor.push(Buffer.from("a canary-")).toString()).toBe("a ");
    expect(redactor.push(Buffer.from("bird")).toString()).toBe("canary-bird");
    expect(redactor.push(Buffer.from("canary-secre")).toString()).toBe("");
    expect(redactor.push(Buffer.from("t!")).toString()).toBe("[redacted]***!");
    expect(redactor.push(Buffer.from("can")).toString()).toBe("");
    expect(redactor.end().toString()).toBe("can");
  });

  test("are replaced by as many, however few", () => {
    expect(stream([Buffer.from("a secret b")], ["secret"]).toString()).toBe("a ****** b");
  });

  test("are the same objects where there is nothing to replace", () => {
    const bytes = randomBytes(70_000);
    expect(createRedactor([secret]).stream().push(bytes)).toBe(bytes);
  });

  test("are searched in Latin-1, too", () => {
    expect(stream([Buffer.from("sch\u00fcssel-geheim", "latin1")], ["sch\u00fcssel-geheim"]).toString("latin1")).toBe(
      "[redacted]*****",
    );
  });

  test("are as many as they were, at random places, with secrets of many lengths", () => {
    const secrets = Array.from({ length: 20 }, (_, index) => randomBytes(6 + index * 7).toString("hex"));
    const text = Buffer.from(secrets.map((one, index) => `${one.slice(0, index)}${one}|`).join(""));
    for (let turn = 0; turn < 10; turn += 1) {
      const pieces: Buffer[] = [];
      for (let at = 0; at < text.length; ) {
        const length = 1 + (randomBytes(2).readUInt16BE() % 97);
        pieces.push(text.subarray(at, at + length));
        at += length;
      }
      const clean = stream(pieces, secrets);
      expect(clean.length).toBe(text.length);
      for (const one of secrets) expect(clean.includes(one)).toBe(false);
    }
  });

  test(
    "take no longer for secrets and bytes that repeat themselves",
    () => {
      const redactor = createRedactor(["a".repeat(5000), "ab".repeat(2500)]).stream();
      for (let turn = 0; turn < 20; turn += 1) redactor.push(Buffer.from("a".repeat(4999).concat("b").repeat(20)));
      redactor.end();
    },
    hang,
  );
});
