import { allows, compileRule, parseUrl } from "../../src/egress/whitelist.ts";
import type { JackfieldError } from "../../src/errors.ts";
import { verdictOf } from "./listener.ts";

const long = (bytes: number): string => `https://api.example/${"a".repeat(bytes - "https://api.example/".length)}`;

describe("A URL is refused before it is parsed, or after, unless every parser reads it alike", () => {
  test.each([
    ["a tab in the host", "https://api.exa\tmple/"],
    ["a line end in the host", "https://api.exa\nmple/"],
    ["a carriage return in the path", "https://api.example/a\rb"],
    ["CR LF and a header", "https://api.example/ HTTP/1.1\r\nX-Injected: 1"],
    ["NUL", "https://api.example/a\u0000b"],
    ["DEL", "https://api.example/a\u007fb"],
    ["a C1 control character", "https://api.example/a\u0085b"],
    ["a leading space", " https://api.example/"],
    ["a trailing space", "https://api.example/ "],
    ["a space in the path", "https://api.example/a b"],
    ["a backslash after the scheme", "https:\\\\api.example/"],
    ["a backslash before a user name's end", "https://api.example\\@evil.example/"],
    ["a backslash in the path", "https://api.example/..\\admin"],
    ["no slashes", "https:api.example"],
    ["one slash", "https:/api.example"],
    ["three slashes", "https:///api.example"],
    ["an upper-case scheme", "HTTPS://api.example/"],
    ["no scheme", "api.example/"],
    ["a scheme-relative URL", "//api.example/"],
    ["a path", "/about"],
    ["nothing", ""],
    ["ftp", "ftp://api.example/"],
    ["file", "file:///etc/passwd"],
    ["javascript", "javascript:alert(1)"],
    ["data", "data:text/plain,a"],
    ["ws", "ws://api.example/"],
    ["blob", "blob:https://api.example/1"],
    ["a user name", "https://user@api.example/"],
    ["a user name and a password", "https://user:pass@api.example/"],
    ["an empty user name", "https://@api.example/"],
    ["an empty password", "https://:@api.example/"],
    ["a host as the user name", "https://api.example@evil.example/"],
    ["an encoded at sign in the host", "https://api.example%40evil.example/"],
    ["a fullwidth at sign in the host", "https://user\uff20api.example/"],
    ["no host but a query", "https://?a=b"],
    ["no host but a fragment", "https://#a"],
    ["no host but a port", "https://:443/"],
    ["an empty label", "https://api..example/"],
    ["a leading dot", "https://.api.example/"],
    ["two trailing dots", "https://api.example../"],
    ["only a dot", "https://./"],
    ["a label of 64 characters", `https://${"a".repeat(64)}.example/`],
    ["a host of 254 characters", `https://${"a.".repeat(123)}examples/`],
    ["a leading hyphen", "https://-api.example/"],
    ["a trailing hyphen", "https://api-.example/"],
    ["an asterisk", "https://*.example/"],
    ["an exclamation mark", "https://ap!i.example/"],
    ["a dollar sign", "https://ap$i.example/"],
    ["a tilde", "https://ap~i.example/"],
    ["a quote", "https://ap'i.example/"],
    ["a comma", "https://api.example,evil.example/"],
    ["a semicolon", "https://api.example;evil.example/"],
    ["an encoded slash in the host", "https://evil.example%2f.api.example/"],
    ["an encoded NUL in the host", "https://api.example%00.evil.example/"],
    ["a zone", "https://[fe80::1%25eth0]/"],
    ["an open bracket", "https://[::1/"],
    ["a decimal address that is too large", "https://4294967296/"],
    ["five numbers", "https://1.2.3.4.5/"],
    ["an octal address that is none", "https://0300.0400.0.1/"],
    ["a name that ends in a number", "https://api.example.1/"],
    ["port 0", "https://api.example:0/"],
    ["port 65536", "https://api.example:65536/"],
    ["a port that is a word", "https://api.example:https/"],
    ["a negative port", "https://api.example:-1/"],
    ["4097 bytes", long(4097)],
    ["4096 characters of more bytes", `${long(4095)}é`],
    ["invalid punycode", "https://xn--a/"],
  ])("refused: %s", (_why, text) => {
    expect(verdictOf(() => parseUrl(text))).toBe("url_invalid");
  });

  test.each([
    ["https://api.example", "https://api.example/"],
    ["http://api.example/", "http://api.example/"],
    ["https://API.Example/Path", "https://api.example/Path"],
    ["https://api.example:443/a", "https://api.example/a"],
    ["https://api.example:8443/a", "https://api.example:8443/a"],
    ["http://api.example:80/", "http://api.example/"],
    ["https://api.example./a", "https://api.example/a"],
    ["https://api.example.:8443/a", "https://api.example:8443/a"],
    ["https://api.example\u3002/", "https://api.example/"],
    ["https://ap\u00adi.example/", "https://api.example/"],
    ["https://\uff41pi.example/", "https://api.example/"],
    ["https://\u24d0pi.example/", "https://api.example/"],
    ["https://bücher.example/", "https://xn--bcher-kva.example/"],
    ["https://my_app.example/", "https://my_app.example/"],
    ["https://%61pi.example/", "https://api.example/"],
    ["https://api.example/a/../b", "https://api.example/b"],
    ["https://api.example/a/%2e%2e/b", "https://api.example/b"],
    ["https://api.example/é?q=ü", "https://api.example/%C3%A9?q=%C3%BC"],
    ["https://api.example/?to=https://user@evil.example", "https://api.example/?to=https://user@evil.example"],
    ["https://localhost:3000/", "https://localhost:3000/"],
    ["http://2130706433/", "http://127.0.0.1/"],
    ["http://0x7f000001/", "http://127.0.0.1/"],
    ["http://0x7f.1/", "http://127.0.0.1/"],
    ["http://0177.0.0.1/", "http://127.0.0.1/"],
    ["http://017700000001/", "http://127.0.0.1/"],
    ["http://127.1/", "http://127.0.0.1/"],
    ["http://127.0.0.1./", "http://127.0.0.1/"],
    ["http://\uff11\uff12\uff17.0.0.1/", "http://127.0.0.1/"],
    ["http://127\u30020\u30020\u30021/", "http://127.0.0.1/"],
    ["http://%31%32%37.0.0.1/", "http://127.0.0.1/"],
    ["http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/"],
    ["http://[0:0:0:0:0:0:0:1]/", "http://[::1]/"],
    ["http://[::1]:8080/", "http://[::1]:8080/"],
    [long(4096), long(4096)],
  ])("accepted and made canonical: %s", (text, href) => {
    expect(parseUrl(text).href).toBe(href);
  });

  test("The error does not repeat the URL, nor does its cause", () => {
    let error: JackfieldError | undefined;
    try {
      parseUrl("https://canary-canary:x/?token=canary-canary");
    } catch (caught) {
      error = caught as JackfieldError;
    }
    expect(error?.code).toBe("url_invalid");
    expect([error?.message, error?.stack, JSON.stringify(error?.cause), String(error?.cause)].join()).not.toContain("canary");
    expect(Object.keys(error?.cause as object)).toEqual([]);
  });
});

describe("A whitelist entry", () => {
  test.each([
    ["no scheme", "api.example"],
    ["a user name", "https://user@api.example"],
    ["a query", "https://api.example/?a=b"],
    ["an empty query", "https://api.example/?"],
    ["a fragment", "https://api.example/#a"],
    ["an encoded slash", "https://api.example/a%2Fb"],
    ["an encoded per cent sign", "https://api.example/a%25b"],
    ["only a wildcard", "https://*"],
    ["a wildcard and nothing", "https://*./"],
    ["a wildcard for a top-level domain", "https://*.example"],
    ["a wildcard for localhost", "https://*.localhost"],
    ["a wildcard inside a label", "https://a*.api.example"],
    ["a wildcard that is not first", "https://a.*.example.org"],
    ["two wildcards", "https://*.*.api.example"],
    ["a wildcard before an address", "https://*.127.0.0.1"],
    ["a wildcard before an IPv6 address", "https://*.[::1]"],
    ["ftp", "ftp://api.example"],
    ["a space", "https://api.example /"],
  ])("is refused with %s", (_why, text) => {
    expect(verdictOf(() => compileRule(text))).toBe("url_invalid");
  });

  test("says https unless it says http", () => {
    expect(compileRule("https://api.example/v1/")).toEqual({
      protocol: "https:",
      host: "api.example",
      wildcard: false,
      port: "443",
      path: "/v1",
    });
    expect(compileRule("http://localhost:3000").protocol).toBe("http:");
  });
});

describe("A whitelist covers a URL by scheme, host, port and path", () => {
  const plain = ["https://api.example"];
  const prefix = ["https://api.example/v1"];
  const wild = ["https://*.api.example"];
  test.each<[readonly string[], string, boolean]>([
    [[], "https://api.example/", false],
    [plain, "https://api.example/", true],
    [plain, "https://api.example/any/path?and=query", true],
    [plain, "https://API.EXAMPLE/", true],
    [plain, "https://api.example./", true],
    [plain, "https://api.example:443/", true],
    [plain, "https://ap\u00adi.example/", true],
    [plain, "http://api.example/", false],
    [plain, "http://api.example:443/", false],
    [plain, "https://api.example:8443/", false],
    [plain, "https://api.example.evil.example/", false],
    [plain, "https://evil-api.example/", false],
    [plain, "https://a.api.example/", false],
    [plain, "https://apixexample/", false],
    [plain, "https://evil.example/api.example", false],
    [plain, "https://evil.example/?https://api.example/", false],
    [plain, "https://evil.example/#https://api.example/", false],
    [plain, "https://аpi.example/", false],
    [plain, "https://api.example/a%2fb", true],
    [["https://api.example:8443"], "https://api.example:8443/", true],
    [["https://api.example:8443"], "https://api.example/", false],
    [["https://api.example:443"], "https://api.example/", true],
    [["http://api.example"], "http://api.example:80/", true],
    [["http://api.example"], "https://api.example/", false],
    [["https://API.example."], "https://api.example/", true],
    [["https://bücher.example"], "https://xn--bcher-kva.example/", true],
    [["https://xn--bcher-kva.example"], "https://BÜCHER.example/", true],
    [prefix, "https://api.example/v1", true],
    [prefix, "https://api.example/v1/", true],
    [prefix, "https://api.example/v1/users?x=%2f", true],
    [prefix, "https://api.example/v1?x=1", true],
    [prefix, "https://api.example/v10", false],
    [prefix, "https://api.example/v1.1", false],
    [prefix, "https://api.example/V1", false],
    [prefix, "https://api.example/", false],
    [prefix, "https://api.example/v1/../admin", false],
    [prefix, "https://api.example/v1/%2e%2e/admin", false],
    [prefix, "https://api.example/v1/.%2e/admin", false],
    [prefix, "https://api.example/v1/%2E./admin", false],
    [prefix, "https://api.example/v1/..%2fadmin", false],
    [prefix, "https://api.example/v1/..%2Fadmin", false],
    [prefix, "https://api.example/v1/..%5cadmin", false],
    [prefix, "https://api.example/v1/a%2ejson", false],
    [prefix, "https://api.example/v1/a%00", false],
    [prefix, "https://api.example/v1/%252e%252e/admin", false],
    [prefix, "https://api.example/v1/..;/admin", false],
    [prefix, "https://api.example/v1/a..b", true],
    [prefix, "https://api.example/v1/a%20b", true],
    [prefix, "https://api.example/other/../v1/users", true],
    [prefix, "https://api.example//v1", false],
    [["https://api.example/v1/"], "https://api.example/v1", true],
    [["https://api.example/v1/"], "https://api.example/v1x", false],
    [["https://api.example/a/../v1"], "https://api.example/v1/x", true],
    [["https://other.example", "https://api.example/v1"], "https://api.example/v1/x", true],
    [wild, "https://a.api.example/", true],
    [wild, "https://a.b.api.example/", true],
    [wild, "https://a.api.example./", true],
    [wild, "https://api.example/", false],
    [wild, "https://xapi.example/", false],
    [wild, "https://a.api.example.evil.example/", false],
    [wild, "https://a.api.example:8443/", false],
    [wild, "http://a.api.example/", false],
    [["https://*.api.example:8443/v1"], "https://a.api.example:8443/v1/x", true],
    [["https://*.api.example:8443/v1"], "https://a.api.example:8443/v2", false],
    [["http://127.0.0.1:3000"], "http://127.0.0.1:3000/", true],
    [["http://127.0.0.1:3000"], "http://2130706433:3000/", true],
    [["http://127.0.0.1:3000"], "http://[::ffff:127.0.0.1]:3000/", false],
    [["http://127.0.0.1:3000"], "http://localhost:3000/", false],
    [["http://[::1]:3000"], "http://[0:0:0:0:0:0:0:1]:3000/", true],
    [["https://0x7f.1"], "https://127.0.0.1/", true],
    [["https://api.example"], "https://127.0.0.1/", false],
  ])("%j and %s: %s", (entries, text, expected) => {
    expect(allows(entries.map(compileRule), parseUrl(text))).toBe(expected);
  });

  test("A user name that was added after parsing is refused", () => {
    const url = parseUrl("https://api.example/");
    url.username = "user";
    expect(allows([compileRule("https://api.example")], url)).toBe(false);
  });
});
