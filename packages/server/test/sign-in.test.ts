import { type Answer, Jar, type Product, sandboxManifest, startProduct } from "./product.ts";

let product: Product;

beforeAll(async () => {
  product = await startProduct({ connectors: { files: sandboxManifest("files"), other: sandboxManifest("other") } });
});

/** A browser: keeps cookies, opens pages, fills in the sandbox's forms. */
class Browser {
  readonly jar = new Jar();
  async open(url: string, method = "GET", form?: Record<string, string>, headers: Record<string, string> = {}): Promise<Answer> {
    const path = url.startsWith("http") ? url.slice(product.url.length) : url;
    return this.jar.keep(
      await product.send(method, path, {
        key: null,
        ...(form === undefined ? {} : { body: new URLSearchParams(form).toString() }),
        headers: {
          accept: "text/html",
          cookie: this.jar.header,
          ...(form === undefined ? {} : { "content-type": "application/x-www-form-urlencoded", origin: product.url }),
          ...headers,
        },
      }),
    );
  }

  /** From our authorization URL through the provider's pages; gives the redirect URL that the provider sends the browser to. */
  async upToCallback(authorizationUrl: string, decision = "allow"): Promise<string> {
    const away = await this.open(authorizationUrl);
    let page = await this.open(away.headers.get("location") ?? "");
    for (const fields of [{ person: "person_ada" }, { decision }] as Record<string, string>[]) {
      const action = /action="([^"]+)"/.exec(page.text)?.[1] ?? "";
      const ticket = /name="ticket" value="([^"]+)"/.exec(page.text)?.[1] ?? "";
      const next = (await this.open(action, "POST", { ticket, ...fields })).headers.get("location") ?? "";
      if (next.includes("/oauth/callback/")) return next;
      page = await this.open(next);
    }
    throw new Error("the provider did not send the browser back");
  }
}

async function begin(connector = "files", owner = `owner-${Math.random()}`) {
  const { json } = await product.send("POST", "/v1/connections", { body: { connector, owner } });
  const begun = await product.send("POST", `/v1/connections/${json.id}/authorize`);
  return { id: json.id as string, url: begun.json.authorization_url as string };
}
const look = async (id: string) => (await product.send("GET", `/v1/connections/${id}`)).json;

test("the sandbox's app is saved by itself for whatever connector gets its tokens there", async () => {
  for (const name of ["files", "other"]) {
    expect((await product.send("GET", `/v1/connectors/${name}`)).json).toMatchObject({
      configured: true,
      redirect_uri: `${product.url}/oauth/callback/${name}`,
    });
    expect((await product.send("GET", `/v1/connectors/${name}/apps/oauth/production`)).json).toMatchObject({ secret_set: true });
  }
  const published = await product.send("PUT", "/v1/connectors/later", { body: sandboxManifest("later") });
  expect([published.status, published.json.configured]).toEqual([201, true]);
});

test("the whole way: our page, the provider, the redirect URL, a clean address that says how it ended", async () => {
  const browser = new Browser();
  const { id, url } = await begin();
  const away = await browser.open(url);
  expect(away.status).toBe(303);
  expect(away.headers.get("location")).toMatch(`${product.url}/sandbox/authorize?`);
  expect(browser.jar.get("jackfield_browser")).toMatch(/^[A-Za-z0-9_-]{43}$/);
  const back = await browser.open(await browser.upToCallback(url));
  expect(back.status).toBe(303);
  for (const answer of [away, back]) {
    expect(answer.headers.get("cache-control")).toBe("no-store");
    expect(answer.headers.get("referrer-policy")).toBe("no-referrer");
  }
  const place = back.headers.get("location") ?? "";
  expect(place).toMatch(/^\/oauth\/done\/[A-Za-z0-9._-]+$/);
  const page = await browser.open(place);
  expect(page.status).toBe(200);
  expect(page.text).toContain("files is connected");
  expect(page.text).toContain("<strong>Ada");
  expect(page.headers.get("content-security-policy")).toMatch(
    /^default-src 'none'; style-src 'sha256-[^']+'; script-src 'sha256-[^']+'/,
  );
  expect(await look(id)).toMatchObject({ status: "connected", label: expect.stringContaining("Ada") });
  const step = await product.send("POST", `/v1/connections/${id}/actions/list_files`, { body: { input: {} } });
  expect(step.json).toMatchObject({ output: expect.any(Array), step: { action: "list_files", status: 200 } });
});

test("a way to connect that is gone when the person comes back leaves nobody waiting", async () => {
  const publish = (text: string) => product.send("PUT", "/v1/connectors/moved", { body: text });
  await publish(sandboxManifest("moved"));
  const browser = new Browser();
  const { id, url } = await begin("moved");
  const callback = await browser.upToCallback(url);
  expect((await publish(sandboxManifest("moved").replace("  oauth:\n", "  other:\n"))).status).toBe(200);
  expect((await browser.open(callback)).status).toBe(422);
  expect(await look(id)).toMatchObject({ status: "error", error: { code: "auth_unknown" } });
});

test("a denial leads to a page that says so in the provider's words", async () => {
  const browser = new Browser();
  const { id, url } = await begin();
  const back = await browser.open(await browser.upToCallback(url, "deny"));
  const page = await browser.open(back.headers.get("location") ?? "");
  expect(page.text).toContain("files was not connected");
  expect(page.text).toContain("The person denied the request.");
  expect((await look(id)).error.code).toBe("access_denied");
});

test("what cannot be told whose it is gets a page with its status, or a problem for programs, and no redirect", async () => {
  const browser = new Browser();
  for (const [path, status] of [
    ["/oauth/callback/files?code=secret-code&state=secret-state", 400],
    ["/oauth/authorize/unknown-ticket", 400],
    ["/oauth/callback/no-such-connector?code=a&state=b", 400],
  ] as const) {
    const page = await browser.open(path);
    expect([page.status, page.headers.get("content-type")]).toEqual([status, "text/html; charset=utf-8"]);
    expect(page.text).not.toContain("secret-");
    const problem = await browser.open(path, "GET", undefined, { accept: "application/json" });
    expect([problem.status, problem.headers.get("content-type")]).toEqual([status, "application/problem+json"]);
    expect(problem.headers.get("cache-control")).toBe("no-store");
  }
});

test("only GET opens the addresses that do something when they are opened", async () => {
  const { url } = await begin();
  for (const path of [url.slice(product.url.length), "/oauth/callback/files?code=a&state=b", "/sign-in?token=a", "/oauth/done/x"])
    for (const method of ["HEAD", "POST", "PUT", "DELETE", "OPTIONS"]) {
      const answer = await product.send(method, path, { key: null, headers: { accept: "text/html" } });
      expect([method, path, answer.status, answer.headers.get("allow")]).toEqual([method, path, 405, "GET"]);
    }
  expect((await new Browser().open(url)).status).toBe(303);
});

test("the last page's address tells nothing after it was changed", async () => {
  const browser = new Browser();
  const { url } = await begin();
  const back = await browser.open(await browser.upToCallback(url));
  const place = back.headers.get("location") ?? "";
  const page = await browser.open(`${place.slice(0, -3)}AAA`);
  expect([page.status, page.text.includes("Ada")]).toEqual([404, false]);
});

test("a sign-in that a signed-in browser started is finished in that browser, by that person, only", async () => {
  const browser = new Browser();
  browser.jar.keep(await product.send("POST", "/v1/session", { key: null, body: { api_key: product.key } }));
  const own = (path: string, body?: unknown) =>
    product.send("POST", path, { key: null, body: body ?? {}, headers: { cookie: browser.jar.header, origin: product.url } });
  const { json } = await own("/v1/connections", { connector: "files", owner: "the-browser" });
  const url = (await own(`/v1/connections/${json.id}/authorize`)).json.authorization_url;
  expect((await new Browser().open(url)).status).toBe(400);
  expect((await browser.open(await browser.upToCallback(url))).status).toBe(303);
  expect((await look(json.id)).status).toBe("connected");
});

test("nothing of all this stands in the log: no ticket, no state, no code, no cookie", async () => {
  const browser = new Browser();
  const { url } = await begin();
  const callback = await browser.upToCallback(url);
  const back = await browser.open(callback);
  await browser.open(back.headers.get("location") ?? "");
  const secrets = [
    url.split("/").at(-1),
    new URL(callback).searchParams.get("code"),
    new URL(callback).searchParams.get("state"),
    browser.jar.get("jackfield_browser"),
    back.headers.get("location")?.split("/").at(-1),
  ];
  for (const secret of secrets) {
    expect(secret).toMatch(/.{20,}/);
    expect(product.log.filter((line) => JSON.stringify(line).includes(String(secret)))).toEqual([]);
  }
  expect(product.log.map(({ fields }) => fields.path)).toContain("/oauth/authorize/{ticket}");
});

describe("a connection's live log", () => {
  async function listen(id: string, signal = AbortSignal.timeout(20_000)) {
    const stream = await fetch(`${product.url}/v1/connections/${id}/events`, {
      headers: { accept: "text/event-stream", authorization: `Bearer ${product.key}` },
      signal,
    });
    const reader = stream.body?.pipeThrough(new TextDecoderStream()).getReader();
    let text = "";
    const until = async (what: string) => {
      while (!text.includes(what)) {
        const { value, done } = (await reader?.read()) ?? { done: true };
        if (done) throw new Error(`ended without ${what}: ${text}`);
        text += value;
      }
      return text;
    };
    const ended = async () => {
      for (let part = await reader?.read(); part?.done === false; part = await reader?.read()) text += part.value;
      return text;
    };
    return { stream, until, ended };
  }

  test("begins with the connection and goes on with each event and what it made of the connection", async () => {
    const { id } = await begin();
    const { stream, until } = await listen(id);
    expect([stream.status, stream.headers.get("content-type")]).toEqual([200, "text/event-stream; charset=utf-8"]);
    expect(await until("\n\n")).toMatch(/^event: connection\ndata: \{.*"status":"awaiting_authorization"/);
    await product.send("PATCH", `/v1/connections/${id}`, { body: { description: "Two\nlines" } });
    const text = await until('"type":"renamed"');
    const line = text.split("\n").find((each) => each.startsWith("data:") && each.includes("renamed")) ?? "";
    expect(JSON.parse(line.slice(5))).toMatchObject({
      event: { type: "renamed", connection: id },
      connection: { id, description: "Two\nlines" },
    });
    expect(text).toMatch(/id: evt_\S+\nevent: change\ndata: /);
  });

  test("ends when the connection is disconnected", async () => {
    const { id } = await begin();
    const { until, ended } = await listen(id);
    await until("event: connection");
    expect((await product.send("DELETE", `/v1/connections/${id}`)).status).toBe(204);
    expect(await ended()).toContain('"type":"revoked"');
  });

  test("of a connection that is not within reach is refused as JSON", async () => {
    const { json } = await product.send("POST", "/v1/api_keys", { body: { name: "u", role: "user" } });
    const { id } = await begin();
    const answer = await product.send("GET", `/v1/connections/${id}/events`, {
      key: json.key,
      headers: { accept: "text/event-stream" },
    });
    expect([answer.status, answer.json.code]).toEqual([404, "connection_unknown"]);
  });

  test("ends cleanly when the server stops, which takes nothing new and lets nobody wait", async () => {
    const stopping = await startProduct({ connectors: { files: sandboxManifest("files") } });
    const { json } = await stopping.send("POST", "/v1/connections", { body: { connector: "files" } });
    const stream = await fetch(`${stopping.url}/v1/connections/${json.id}/events`, {
      headers: { accept: "text/event-stream", authorization: `Bearer ${stopping.key}` },
    });
    const text = stream.text();
    const began = Date.now();
    await stopping.server.close();
    expect(await text).toContain("event: connection");
    expect(Date.now() - began).toBeLessThan(9_000);
    await expect(stopping.send("GET", "/healthz")).rejects.toThrow();
  });
});

describe("a raw request", () => {
  let id: string;
  beforeAll(async () => {
    const browser = new Browser();
    const begun = await begin();
    id = begun.id;
    await browser.open(await browser.upToCallback(begun.url));
  });

  test("answers what the provider answers, as a document that cannot do anything in our name", async () => {
    const answer = await product.send("GET", `/v1/connections/${id}/proxy/me`);
    expect([answer.status, answer.json.name]).toEqual([200, expect.stringContaining("Ada")]);
    expect(answer.headers.get("content-security-policy")).toBe("default-src 'none'; sandbox");
    expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
    expect(answer.headers.get("set-cookie")).toBeNull();
  });

  test("leaves its id in every line that was logged for it, however deep", async () => {
    const before = product.log.length;
    await product.send("GET", "/v1/connections/con_unknown/proxy/x", { headers: { "x-request-id": "mine-1" } });
    const lines = product.log.slice(before);
    expect(lines.length).toBeGreaterThan(1);
    expect(lines.map(({ fields }) => fields.request_id)).toEqual(lines.map(() => "mine-1"));
  });

  test("is logged without its path", async () => {
    await product.send("GET", `/v1/connections/${id}/proxy/files/private-canary?q=query-canary`);
    const own = product.log.filter(({ fields }) => !String(fields.path).startsWith("/sandbox/"));
    expect(own.filter((line) => /private-canary|query-canary/.test(JSON.stringify(line)))).toEqual([]);
  });

  test("has a body of any size: that it is too large is the provider's to say", async () => {
    const answer = await product.send("POST", `/v1/connections/${id}/proxy/files`, { body: "x".repeat(1024 * 1024 + 1) });
    expect([answer.status, answer.json.code]).toEqual([413, undefined]);
  });

  test("by HEAD answers without a body", async () => {
    const answer = await product.send("HEAD", `/v1/connections/${id}/proxy/me`);
    expect(answer.text).toBe("");
  });
});
