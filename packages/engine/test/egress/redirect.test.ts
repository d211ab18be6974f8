import type { Resolve } from "../../src/egress/connections.ts";
import { createEgress, type Egress, type EgressRequest } from "../../src/egress/egress.ts";
import { allows, compileRule } from "../../src/egress/whitelist.ts";
import { certificate } from "./certificate.ts";
import { closeListeners, errorOf, get, type Listener, listen, type Seen } from "./listener.ts";

const resolve: Resolve = async (host) => {
  const address = host === "rebound.example" ? "10.0.0.1" : "127.0.0.1";
  return [{ address, family: 4 }];
};

let egress: Egress;
beforeEach(() => {
  egress = createEgress({ allowPrivate: ["127.0.0.1"] }, { resolve, ca: certificate });
});
afterEach(async () => {
  await closeListeners();
  await egress.close();
});

/** A listener that redirects `/start` and answers everything else. */
async function redirecting(status: number, location: (port: number) => string | string[], tls = false): Promise<Listener> {
  const listener: Listener = await listen(
    (request, response) => {
      if (!request.url.startsWith("/start")) return void response.end("arrived");
      response.statusCode = status;
      response.setHeader("location", location(listener.port));
      response.end("a body that nobody reads");
    },
    { tls },
  );
  return listener;
}

const anywhere = { limit: 5, allowed: () => true, secretHeaders: ["X-Api-Key"] };
const secrets = { Authorization: "Bearer canary", "x-api-key": "canary", "X-Harmless": "kept", "Content-Type": "text/plain" };

function start(listener: Listener, more: Partial<EgressRequest> = {}): EgressRequest {
  return get(`http://api.example:${listener.port}/start?key=canary`, { headers: secrets, redirects: anywhere, ...more });
}

const kept = ({ headers }: Seen): unknown[] => [headers.authorization, headers["x-api-key"], headers["x-harmless"]];

describe("A redirect is followed by hand", () => {
  test.each([301, 302, 303, 307, 308, 300, 304, 305])(
    "%d is given back as it is when redirects are not followed",
    async (status) => {
      const listener = await redirecting(status, () => "/elsewhere");
      const answer = await egress.send(start(listener, { redirects: "none" }));
      expect([answer.status, answer.headers.location, listener.seen.length]).toEqual([status, "/elsewhere", 1]);
    },
  );

  test.each([300, 304, 305, 200])("%d with a Location is no redirect", async (status) => {
    const listener = await redirecting(status, () => "/elsewhere");
    const answer = await egress.send(start(listener));
    expect([answer.status, listener.seen.length]).toEqual([status, 1]);
  });

  test("A redirect without a Location is an answer", async () => {
    const listener = await listen((_request, response) => response.writeHead(302).end("no target"));
    const answer = await egress.send(start(listener));
    expect([answer.status, answer.body.toString()]).toEqual([302, "no target"]);
  });

  test.each<[number, string, string, string, string | undefined]>([
    [301, "GET", "GET", "", undefined],
    [302, "GET", "GET", "", undefined],
    [303, "GET", "GET", "", undefined],
    [307, "GET", "GET", "", undefined],
    [308, "GET", "GET", "", undefined],
    [303, "HEAD", "HEAD", "", undefined],
    [301, "POST", "GET", "", undefined],
    [302, "POST", "GET", "", undefined],
    [303, "POST", "GET", "", undefined],
    [307, "POST", "POST", "the body", "text/plain"],
    [308, "POST", "POST", "the body", "text/plain"],
    [301, "PUT", "PUT", "the body", "text/plain"],
    [303, "PUT", "GET", "", undefined],
    [307, "PATCH", "PATCH", "the body", "text/plain"],
    [303, "DELETE", "GET", "", undefined],
  ])("%d of %s on the same origin becomes %s", async (status, method, next, body, type) => {
    const listener = await redirecting(status, () => "/next?a=b");
    const sent = method === "GET" || method === "HEAD" ? {} : { body: "the body" };
    const { "Content-Type": contentType, ...rest } = secrets;
    const headers = "body" in sent ? { ...rest, "Content-Type": contentType } : rest;
    const answer = await egress.send(start(listener, { method, headers, ...sent }));
    expect(answer.url).toBe(`http://api.example:${listener.port}/next?a=b`);
    const [, second] = listener.seen;
    expect([second?.method, second?.url, second?.body, second?.headers["content-type"]]).toEqual([next, "/next?a=b", body, type]);
    expect(kept(second as Seen)).toEqual(["Bearer canary", "canary", "kept"]);
  });

  test("The connection is used again", async () => {
    const listener = await redirecting(302, () => "/next");
    await egress.send(start(listener));
    expect(listener.connections()).toBe(1);
  });

  test.each([
    ["/absolute/path", "/absolute/path"],
    ["relative", "/relative"],
    ["?only=query", "/start?only=query"],
    ["../up", "/up"],
    ["//api.example:{port}/scheme-relative", "/scheme-relative"],
    ["http://API.example.:{port}/whole", "/whole"],
    ["/with#fragment", "/with"],
  ])("Location %s leads to %s", async (location, url) => {
    const listener = await redirecting(302, (port) => location.replace("{port}", String(port)));
    if (url.startsWith("/start")) {
      const error = await errorOf(egress.send(start(listener)));
      expect(error.code).toBe("provider_unavailable");
    } else {
      await egress.send(start(listener));
    }
    expect(listener.seen[1]?.url).toBe(url);
  });
});

describe("A header that proves something of one request", () => {
  const renew = async ({ method, url }: { method: string; url: string }) => ({ "x-api-key": `made for ${method} ${url}` });

  test("is made anew for each target on the same origin", async () => {
    const listener = await redirecting(302, () => "/next?a=b");
    await egress.send(start(listener, { redirects: { ...anywhere, renew } }));
    const url = `http://api.example:${listener.port}/next?a=b`;
    expect(listener.seen.map(kept)).toEqual([
      ["Bearer canary", "canary", "kept"],
      ["Bearer canary", `made for GET ${url}`, "kept"],
    ]);
  });

  test("is not made where it was dropped on the way, nor when a redirect leads back", async () => {
    const home = await redirecting(302, () => "/never");
    const other = await redirecting(302, () => `http://api.example:${home.port}/back`);
    const listener = await redirecting(302, () => `http://other.example:${other.port}/start`);
    await egress.send(start(listener, { redirects: { ...anywhere, renew } }));
    expect([...other.seen, ...home.seen].map(kept)).toEqual([
      [undefined, undefined, "kept"],
      [undefined, undefined, "kept"],
    ]);
  });
});

describe("On another origin", () => {
  test.each([301, 302, 303, 307, 308])("%d drops Authorization and every secret header, and keeps the rest", async (status) => {
    const other = await listen();
    const listener = await redirecting(status, () => `http://other.example:${other.port}/there`);
    const { "Content-Type": _, ...headers } = secrets;
    const answer = await egress.send(start(listener, { headers }));
    expect([answer.status, answer.url]).toEqual([200, `http://other.example:${other.port}/there`]);
    expect(other.seen.map(kept)).toEqual([[undefined, undefined, "kept"]]);
    expect(JSON.stringify(other.seen)).not.toContain("canary");
  });

  test("Another port of the same host is another origin", async () => {
    const other = await listen();
    const listener = await redirecting(302, () => `http://api.example:${other.port}/`);
    await egress.send(start(listener));
    expect(other.seen.map(kept)).toEqual([[undefined, undefined, "kept"]]);
  });

  test("Another scheme is another origin", async () => {
    const other = await listen();
    const listener = await redirecting(302, () => `http://api.example:${other.port}/`, true);
    await egress.send(start(listener, { url: `https://api.example:${listener.port}/start` }));
    expect(other.seen.map(kept)).toEqual([[undefined, undefined, "kept"]]);
  });

  test("Secret headers are found whatever their case", async () => {
    const other = await listen();
    const listener = await redirecting(302, () => `http://other.example:${other.port}/`);
    const headers = { AUTHORIZATION: "canary", "x-API-key": "canary", "X-Second": "canary" };
    await egress.send(start(listener, { headers, redirects: { ...anywhere, secretHeaders: ["X-API-KEY", "x-second"] } }));
    expect(JSON.stringify(other.seen)).not.toContain("canary");
  });

  test("Dropped headers stay dropped when a redirect leads back", async () => {
    const listener: Listener = await listen((request, response) => {
      if (request.url.startsWith("/start")) response.writeHead(302, { location: `http://other.example:${other.port}/` }).end();
      else response.end("back");
    });
    const other = await listen((_request, response) =>
      response.writeHead(302, { location: `http://api.example:${listener.port}/back` }).end(),
    );
    const answer = await egress.send(start(listener));
    expect(answer.body.toString()).toBe("back");
    expect(kept(listener.seen[1] as Seen)).toEqual([undefined, undefined, "kept"]);
  });

  test.each<[number, string]>([
    [307, "POST"],
    [308, "POST"],
    [307, "PUT"],
    [301, "PUT"],
    [302, "PATCH"],
  ])("%d of %s with a body is refused, and the other origin sees nothing", async (status, method) => {
    const other = await listen();
    const listener = await redirecting(status, () => `http://other.example:${other.port}/`);
    const error = await errorOf(egress.send(start(listener, { method, body: "refresh_token=canary" })));
    expect([error.code, error.members]).toEqual(["url_not_whitelisted", { sent: true }]);
    expect(other.connections()).toBe(0);
  });

  test.each([301, 302, 303])("%d of POST becomes a GET without the body", async (status) => {
    const other = await listen();
    const listener = await redirecting(status, () => `http://other.example:${other.port}/`);
    await egress.send(start(listener, { method: "POST", body: "refresh_token=canary" }));
    expect(other.seen.map(({ method, body, headers }) => [method, body, headers["content-type"]])).toEqual([
      ["GET", "", undefined],
    ]);
    expect(JSON.stringify(other.seen)).not.toContain("canary");
  });
});

describe("A redirect's target is judged before anything is connected to", () => {
  const rules = (port: number) => [`http://api.example:${port}/`, `http://*.sub.example:${port}/v1`].map(compileRule);

  test.each<[string, string]>([
    ["http://evil.example:{other}/", "url_not_whitelisted"],
    ["http://api.example:{other}/", "url_not_whitelisted"],
    ["https://api.example:{port}/", "url_not_whitelisted"],
    ["http://api.example.evil.example:{port}/", "url_not_whitelisted"],
    ["http://sub.example:{port}/v1", "url_not_whitelisted"],
    ["http://a.sub.example:{port}/v2", "url_not_whitelisted"],
    ["http://a.sub.example:{port}/v1/..%2fadmin", "url_not_whitelisted"],
    ["http://127.0.0.1:{port}/", "url_not_whitelisted"],
    ["http://2130706433:{port}/", "url_not_whitelisted"],
    ["http://[::1]:{other}/", "url_not_whitelisted"],
    ["http://169.254.169.254/latest/meta-data/", "url_not_whitelisted"],
    ["//evil.example:{other}/", "url_not_whitelisted"],
    ["http://user@api.example:{port}/", "url_invalid"],
    ["http://api.example:{port}\\@evil.example:{other}/", "url_invalid"],
    ["http:\\\\evil.example:{other}/", "url_invalid"],
    ["http:evil", "url_invalid"],
    ["http:/evil.example/", "url_invalid"],
    ["http:///evil.example/", "url_invalid"],
    ["///evil.example:{other}/", "url_invalid"],
    ["/\\evil.example:{other}/", "url_invalid"],
    ["\\\\evil.example:{other}/", "url_invalid"],
    ["/with a space", "url_invalid"],
    ["/with\ta tab", "url_invalid"],
    ["HTTP://evil.example/", "url_invalid"],
    ["file:///etc/passwd", "url_invalid"],
    ["javascript:alert(1)", "url_invalid"],
    ["gopher://127.0.0.1:{other}/", "url_invalid"],
    ["data:text/plain,a", "url_invalid"],
    ["http://", "url_invalid"],
    ["http://a..b/", "url_invalid"],
  ])("Location %s is %s", async (location, code) => {
    const other = await listen();
    const listener = await redirecting(302, (port) =>
      location.replaceAll("{port}", String(port)).replaceAll("{other}", String(other.port)),
    );
    const allowed = (url: URL): boolean => allows(rules(listener.port), url);
    const error = await errorOf(egress.send(start(listener, { redirects: { ...anywhere, allowed } })));
    expect([error.code, error.members]).toEqual([code, { sent: true }]);
    expect([listener.connections(), listener.seen.length, other.connections()]).toEqual([1, 1, 0]);
    expect(JSON.stringify([error.message, error.hint])).not.toMatch(/canary|admin|meta-data/);
  });

  test.each([
    ["http://10.0.0.1/", "a private literal"],
    ["http://169.254.169.254/latest/meta-data/", "the metadata service"],
    ["http://rebound.example/", "a name that leads to a private address"],
    ["http://metadata.google.internal/", "a metadata service's name"],
    ["https://8.8.8.8/", "a public literal"],
    ["http://[::ffff:10.0.0.1]/", "a mapped private literal"],
  ])("%s, %s, is refused by its address even if the caller allows it", async (location) => {
    const listener = await redirecting(302, () => location);
    const error = await errorOf(egress.send(start(listener)));
    expect([error.code, error.members]).toEqual(["address_refused", { sent: true }]);
    expect(listener.seen.length).toBe(1);
  });

  test("Two Location headers are refused", async () => {
    const listener = await redirecting(302, () => ["/a", "/b"]);
    const error = await errorOf(egress.send(start(listener)));
    expect([error.code, listener.seen.length]).toEqual(["url_invalid", 1]);
  });

  test("Every hop of a chain is judged again", async () => {
    const asked: string[] = [];
    const listener: Listener = await listen((request, response) => {
      const count = Number(request.url.slice(1)) || 0;
      response.writeHead(302, { location: count < 3 ? `/${count + 1}` : "/forbidden" }).end();
    });
    const allowed = (url: URL): boolean => {
      asked.push(url.pathname);
      return url.pathname !== "/forbidden";
    };
    const error = await errorOf(egress.send(start(listener, { redirects: { ...anywhere, allowed } })));
    expect([error.code, asked]).toEqual(["url_not_whitelisted", ["/1", "/2", "/3", "/forbidden"]]);
    expect(listener.seen.map(({ url }) => url.split("?")[0])).toEqual(["/start", "/1", "/2", "/3"]);
  });

  test.each([0, 1, 5])("More than %d redirects are too many", async (limit) => {
    const listener = await listen((_request, response) => response.writeHead(302, { location: "/again" }).end());
    const error = await errorOf(egress.send(start(listener, { redirects: { ...anywhere, limit } })));
    expect([error.code, error.message]).toEqual([
      "provider_unavailable",
      `api.example:${listener.port} redirects more than ${limit} times.`,
    ]);
    expect(listener.seen.length).toBe(limit + 1);
  });

  test("The timeout counts for all hops together", async () => {
    const listener = await listen((_request, response) => {
      setTimeout(() => response.writeHead(302, { location: "/again" }).end(), 60);
    });
    const error = await errorOf(egress.send(start(listener, { timeout: 200, redirects: { ...anywhere, limit: 100 } })));
    expect(error.code).toBe("provider_timeout");
    expect(listener.seen.length).toBeLessThan(6);
  });

  test("A redirect's endless body is not read to its end", async () => {
    let written = 0;
    const listener: Listener = await listen((request, response) => {
      if (!request.url.startsWith("/start")) return void response.end("arrived");
      response.writeHead(302, { location: "/next" });
      const write = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(16_384))) written += 16_384;
      };
      response.on("drain", write);
      write();
    });
    const answer = await egress.send(start(listener));
    expect(answer.body.toString()).toBe("arrived");
    expect(written).toBeLessThan(16 << 20);
  });
});
