import { spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type BrowserContext, chromium, type Page } from "playwright-core";
import { Browser, type Person } from "./harness/browser.ts";
import { findSecrets } from "./harness/canary.ts";
import { afterwards, cleanup, temporary } from "./harness/cleanup.ts";
import { awkward, deviceManifest, draft, keyedManifest, look, oauthManifest, saveApp, step } from "./harness/connect.ts";
import type { Answer } from "./harness/http.ts";
import { keptBy } from "./harness/inside.ts";
import { type Product, startProduct } from "./harness/product.ts";
import { type Provider, startProvider } from "./harness/provider.ts";
import { until } from "./harness/wait.ts";
import { freePort } from "./tools/services.mjs";

// Another application's people connect: its backend asks for a link, their browser opens it.

jest.setTimeout(180_000);

const apiKey = "canary-embedded-api-key-0123456789";

let provider: Provider;
let product: Product;

beforeAll(async () => {
  provider = await startProvider();
  await provider.apiKey(apiKey);
  product = await startProduct({
    connectors: {
      acme: oauthManifest(provider, { name: "acme" }),
      other: oauthManifest(provider, { name: "other", title: "Other" }),
      keyed: keyedManifest(provider, "keyed"),
      tv: deviceManifest(provider, { name: "tv" }),
    },
  });
  await saveApp(product, provider, "acme");
  await saveApp(product, provider, "other");
  await saveApp(product, provider, "tv", { device: true });
});
afterAll(cleanup);
beforeEach(() => provider.reset());

/** The person's browser, and what its page sends to the API. */
class Guest {
  readonly browser = new Browser();
  session = "";

  async come(url: string): Promise<Answer> {
    const answer = await this.browser.send(url);
    this.session = /\/connect\/session\/([^/]+)$/.exec(answer.headers.location ?? "")?.[1] ?? "";
    return answer;
  }

  send(method: string, path: string, body?: unknown): Promise<Answer> {
    return this.browser.send(`${product.url}${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      headers: {
        origin: product.url,
        "x-connect-session": this.session,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
    });
  }

  async authorize(connection: string): Promise<string> {
    return (await this.send("POST", `/v1/connections/${connection}/authorize`, {})).json.authorization_url;
  }

  async connect(connector: string, person: Person = {}): Promise<string> {
    const { id } = (await this.send("POST", "/v1/connections", { connector })).json;
    await this.browser.signIn(await this.authorize(id), person);
    return id;
  }
}

let owners = 0;
async function link(values: Readonly<Record<string, unknown>> = {}, key?: string) {
  owners += 1;
  const answer = await product.send("POST", "/v1/connect_sessions", { owner: `person-${owners}`, ...values }, key ? { key } : {});
  expect([answer.status, answer.text]).toEqual([201, expect.anything()]);
  return answer.json;
}
const state = async (id: string) => (await product.get(`/v1/connect_sessions/${id}`)).json;

/** The person types a code on another device, and gives access. */
async function confirm({ verification_uri, user_code }: { readonly verification_uri: string; readonly user_code: string }) {
  const browser = new Browser();
  const shown = await browser.press(await browser.open(verification_uri), ["go", "on"], { user_code });
  let visit = await browser.press(shown, ["go", "on"]);
  for (let pages = 0; pages < 5 && visit.url.pathname.startsWith("/interaction/"); pages += 1)
    visit = await browser.press(visit, ["decision", "allow"], { account: "ada" });
}

test("a person without a key connects through a link, and the application then uses the connection with its own key", async () => {
  const session = await link({ connectors: ["acme"] });
  const guest = new Guest();
  await guest.come(session.url);
  const id = await guest.connect("acme");
  expect(await state(session.id)).toMatchObject({ state: "used", connections: [{ id, label: "Ada Lovelace's Acme" }] });
  expect((await look(product, id)).owner).toBe(session.owner);
  expect((await step(product, id, "list_items")).json.output).toHaveLength(3);
  const own = await guest.send("POST", `/v1/connections/${id}/actions/list_items`, {});
  expect([own.status, own.json.code]).toEqual([403, "forbidden"]);
  const proxied = await guest.send("GET", `/v1/connections/${id}/proxy/items`);
  expect([proxied.status, proxied.json.code]).toEqual([403, "forbidden"]);
});

test("who connects an account that was connected before does not learn who uses it, and for what", async () => {
  const first = await link({ connectors: ["acme"] });
  const guest = new Guest();
  await guest.come(first.url);
  const id = await guest.connect("acme");
  const again = await link({ owner: first.owner, connectors: ["acme"] });
  await guest.come(again.url);
  const path = `/v1/connections/${await guest.connect("acme")}/events`;
  expect((await guest.send("GET", path.replace("/events", ""))).json.id).toBe(id);
  const headers = { "jackfield-workflow": "payroll" };
  expect((await product.send("POST", `/v1/connections/${id}/actions/list_items`, {}, { headers })).status).toBe(200);
  const whole = (await product.get(path)).json.items as readonly Event[];
  expect(whole.map(({ type, workflow }) => [type, workflow])).toContainEqual(["used", "payroll"]);
  const { items } = (await guest.send("GET", path)).json as { readonly items: readonly Event[] };
  expect(items.map(({ type }) => type)).toContain("authorized");
  expect(new Set(items.map(({ actor }) => actor))).toEqual(new Set([`connect/${again.id}`]));
});

interface Event {
  readonly type: string;
  readonly actor: string;
  readonly workflow?: string;
}

test("a key is tried at once, and never comes back", async () => {
  const guest = new Guest();
  const session = await link({ connectors: ["keyed"] });
  await guest.come(session.url);
  const made = await guest.send("POST", "/v1/connections", { connector: "keyed", fields: { api_key: apiKey } });
  expect([made.status, made.json.status, made.json.owner]).toEqual([201, "connected", session.owner]);
  expect(made.text).not.toContain(apiKey);
  expect((await state(session.id)).state).toBe("used");
});

test("other connectors, other connections and other owners do not exist for who has a link", async () => {
  const session = await link({ connectors: ["acme"] });
  const ofTheSameOwner = await draft(product, "acme", { owner: session.owner });
  const ofAnother = await draft(product, "acme", { owner: "somebody else" });
  const guest = new Guest();
  await guest.come(session.url);
  expect((await guest.send("POST", "/v1/connections", { connector: "other" })).json.code).toBe("connector_unknown");
  expect((await guest.send("GET", "/v1/connectors/other")).json.code).toBe("connector_unknown");
  expect((await guest.send("POST", "/v1/connections", { connector: "acme", owner: "somebody else" })).status).toBe(403);
  for (const { id } of [ofTheSameOwner, ofAnother]) {
    for (const [method, path] of [
      ["GET", ""],
      ["GET", "/events"],
      ["POST", "/authorize"],
      ["POST", "/test"],
    ] as const) {
      const answer = await guest.send(method, `/v1/connections/${id}${path}`, method === "POST" ? {} : undefined);
      expect([path, answer.status, answer.json.code]).toEqual([path, 404, "connection_unknown"]);
    }
    expect((await look(product, id)).status).toBe("draft");
  }
});

test("a link that another browser opened first lets nobody else in, and its sign-ins cannot be finished elsewhere", async () => {
  const session = await link();
  const guest = new Guest();
  await guest.come(session.url);
  const thief = new Guest();
  const refused = await thief.come(session.url);
  expect([refused.status, thief.browser.cookies(product.url).size]).toEqual([400, 0]);
  thief.session = session.id;
  expect((await thief.send("GET", "/v1/connectors")).status).toBe(401);

  // The thief has a link too, and brings a sign-in of the guest's to an end: the account must not become the guest's connection.
  await thief.come((await link()).url);
  const { id } = (await guest.send("POST", "/v1/connections", { connector: "acme" })).json;
  const url = await guest.authorize(id);
  expect((await thief.browser.open(url)).answer?.status).toBe(400);
  const stopped = await guest.browser.signIn(url, { stop: (each) => each.pathname.startsWith("/oauth/callback/") });
  await provider.forget();
  expect((await thief.browser.open(stopped.url)).answer?.status).toBe(400);
  expect((await provider.tokenRequests()).length).toBe(0);
  expect((await look(product, id)).status).toBe("draft");
});

test("a revoked key ends its links: what is open, what is under way, and what was not opened yet", async () => {
  const key = (await product.post("/v1/api_keys", { name: "embedding", role: "admin" })).json;
  const session = await link({}, key.key);
  const unopened = await link({}, key.key);
  const guest = new Guest();
  await guest.come(session.url);
  const { id } = (await guest.send("POST", "/v1/connections", { connector: "acme" })).json;
  const stopped = await guest.browser.signIn(await guest.authorize(id), {
    stop: (each) => each.pathname.startsWith("/oauth/callback/"),
  });
  await provider.forget();
  expect((await product.send("DELETE", `/v1/api_keys/${key.id}`)).status).toBe(204);
  expect((await guest.send("GET", `/v1/connections/${id}`)).status).toBe(401);
  expect((await guest.browser.open(stopped.url)).answer?.status).toBe(400);
  expect((await provider.tokenRequests()).length).toBe(0);
  expect((await new Guest().come(unopened.url)).status).toBe(400);
  expect((await state(session.id)).state).toBe("ended");
});

test("a code for another device is not asked about any more once its link has ended", async () => {
  const session = await link({ connectors: ["tv"] });
  const guest = new Guest();
  await guest.come(session.url);
  const { id } = (await guest.send("POST", "/v1/connections", { connector: "tv" })).json;
  const code = (await guest.send("POST", `/v1/connections/${id}/authorize`, {})).json;
  expect((await product.send("DELETE", `/v1/connect_sessions/${session.id}`)).status).toBe(204);
  await confirm(code);
  // The draft is one again as soon as its code is taken, and what went wrong is noted a moment later.
  const over = await until("its end", async () => {
    const connection = await look(product, id);
    return connection.error === null ? undefined : connection;
  });
  expect([over.status, over.error]).toMatchObject(["draft", { code: "state_invalid" }]);
  expect((await state(session.id)).connections).toEqual([]);
});

test("a link that has run out opens nothing", async () => {
  const session = await link({ expires_in: 1 });
  const guest = new Guest();
  await until("the link's end", async () => (await state(session.id)).state === "expired");
  expect((await guest.come(session.url)).status).toBe(400);
  expect(guest.browser.cookies(product.url).size).toBe(0);
});

test("links are known to who was given them, and are stored and logged nowhere", async () => {
  const session = await link({ connectors: ["acme"] });
  const guest = new Guest();
  await guest.come(session.url);
  await guest.come(session.url);
  await guest.connect("acme");
  await guest.browser.send(`${session.url}/more`);
  await new Guest().come(session.url);
  const token = new URL(session.url).pathname.split("/").at(-1) ?? "";
  const cookies = [...guest.browser.cookies(product.url).values()];
  expect([token.length, cookies.length]).toEqual([43, 2]);
  await product.end("SIGTERM");
  await product.start();
  const logs = [["the logs", Buffer.from(product.output)]] as const;
  expect(findSecrets([token, ...cookies], [...(await keptBy(product)), ...logs])).toEqual([]);
  expect((await guest.send("GET", "/v1/session")).json.role).toBe("connect_session");
});

// biome-ignore lint/suspicious/noUndeclaredEnvVars: the tests are no task of turbo.
const executablePath = process.env.CHROMIUM_PATH ?? (existsSync("/usr/bin/chromium") ? "/usr/bin/chromium" : "");
const inBrowser = executablePath === "" ? describe.skip : describe;

/** A page of another application: it opens the link that its address names, and notes what it is told. */
const embeddingPage = `<!doctype html>
<title>The App</title>
<button>Connect</button>
<script>
window.told = [];
addEventListener("message", ({ origin, data }) => told.push({ origin, data }));
document.querySelector("button").addEventListener("click", () => open(location.hash.slice(1), "connect", "popup,width=600,height=760"));
</script>`;

const listening = async (server: Server, host: string): Promise<number> => {
  await new Promise<void>((resolve) => void server.listen(0, host, resolve));
  return (server.address() as AddressInfo).port;
};

async function startApplication(): Promise<string> {
  const server = createServer((_request, response) => {
    response.writeHead(200, { "content-type": "text/html" });
    response.end(embeddingPage);
  });
  const port = await listening(server, "127.0.0.1");
  afterwards(() => server.close());
  afterwards(() => server.closeAllConnections());
  return `http://127.0.0.1:${port}`;
}

inBrowser("a page on another origin", () => {
  let application: string;
  let stranger: string;
  let newContext: () => Promise<BrowserContext>;
  let context: BrowserContext;

  beforeAll(async () => {
    [application, stranger] = await Promise.all([startApplication(), startApplication()]);
    const browser = await chromium.launch({
      executablePath,
      headless: true,
      args: ["--no-sandbox", "--disable-background-networking"],
    });
    afterwards(() => browser.close());
    newContext = () => browser.newContext();
  });
  beforeEach(async () => {
    context = await newContext();
  });
  afterEach(() => context.close());

  const told = (page: Page) => page.evaluate(() => (window as unknown as { told: unknown[] }).told);
  /** Opens a link in a pop-up, as the application does. */
  async function embed(origin: string, url: string): Promise<{ page: Page; popup: Page }> {
    const page = await context.newPage();
    await page.goto(`${origin}/#${url}`);
    const [popup] = await Promise.all([page.waitForEvent("popup"), page.getByRole("button", { name: "Connect" }).click()]);
    return { page, popup };
  }
  /** Signs in at the provider and gives access. */
  async function giveAccess(window: Page): Promise<void> {
    await window.getByLabel("Account").fill("ada");
    await window.getByRole("button", { name: "Allow" }).click();
    await window.getByRole("heading", { name: "Allow access" }).waitFor();
    await window.getByRole("button", { name: "Allow" }).click();
  }

  /** Presses a button, and does in the window that opens what the provider asks for. */
  async function signIn(popup: Page, button: string): Promise<void> {
    const [window] = await Promise.all([popup.waitForEvent("popup"), popup.getByRole("button", { name: button }).click()]);
    await giveAccess(window);
  }

  test("opens the link in a pop-up; the person connects at the provider; the page is told the connection's id", async () => {
    const session = await link({
      connectors: ["acme", "other"],
      name: "The App",
      return_origin: application,
      return_path: "/settings",
    });
    const { page, popup } = await embed(application, session.url);
    await popup.getByText("The App").waitFor();
    expect(popup.url()).toBe(`${product.url}/connect/session/${session.id}`);
    expect(await popup.getByRole("navigation").count()).toBe(0);
    expect(await told(page)).toEqual([]);
    await popup.getByRole("button", { name: /Acme/ }).click();
    await signIn(popup, "Authorize");
    await popup.getByTestId("label").filter({ hasText: "Ada Lovelace's Acme" }).waitFor();

    const [connection] = (await state(session.id)).connections;
    expect(await until("the message", async () => ((await told(page)).length > 0 ? told(page) : undefined))).toEqual([
      { origin: product.url, data: { type: "jackfield.connected", connection: connection.id, session: session.id } },
    ]);
    expect(await popup.getByRole("link", { name: /Back to/ }).getAttribute("href")).toBe(`${application}/settings`);
    expect((await step(product, connection.id, "list_items")).status).toBe(200);
    const closed = popup.waitForEvent("close");
    await popup.getByRole("button", { name: "Close this window" }).click();
    await closed;

    // Later the same page reconnects it. The provider has forgotten the person.
    await context.clearCookies({ domain: "127.0.0.1" });
    const again = await link({ owner: session.owner, connection: connection.id, return_origin: application });
    const second = await embed(application, again.url);
    await second.popup.getByRole("heading", { name: "Reconnect Ada Lovelace's Acme" }).waitFor();
    await signIn(second.popup, "Reconnect");
    await second.popup.getByText("is connected").waitFor();
    expect(
      await until("the message", async () => ((await told(second.page)).length > 0 ? told(second.page) : undefined)),
    ).toEqual([{ origin: product.url, data: { type: "jackfield.connected", connection: connection.id, session: again.id } }]);
  });

  test("may be a whole page instead: where no window can be opened, the person comes back to where they were", async () => {
    const session = await link({ connectors: ["acme"], return_origin: application, return_path: "/after?x=1#here" });
    const page = await context.newPage();
    await page.addInitScript(() => {
      window.open = () => null;
    });
    await page.goto(session.url);
    await page.getByRole("button", { name: "Authorize" }).click();
    await page.getByRole("link", { name: "Continue in this tab" }).click();
    await giveAccess(page);
    await page.locator(".success-title").filter({ hasText: "is connected" }).waitFor();
    expect(page.url()).toBe(`${product.url}/connect/session/${session.id}`);
    await page.getByRole("link", { name: /Back to/ }).click();
    await page.waitForURL(`${application}/after?x=1#here`);
    expect(await page.evaluate(() => document.referrer)).toBe("");
  });

  test("of another origin than was agreed on is told nothing, nor is any where none was", async () => {
    for (const values of [{ return_origin: application }, {}]) {
      const session = await link({ connectors: ["keyed"], ...values });
      const { page, popup } = await embed(stranger, session.url);
      await popup.getByLabel(/key/i).first().fill(apiKey);
      await popup.getByRole("button", { name: "Connect", exact: true }).click();
      await popup.getByText("is connected").waitFor();
      // What the page is told later, by itself, comes after what it might have been told before.
      await page.evaluate(() => postMessage("last", location.origin));
      await until("the page's own message", async () => (await told(page)).length > 0);
      expect(await told(page)).toEqual([{ origin: stranger, data: "last" }]);
      expect((await state(session.id)).state).toBe("used");
    }
  });

  test("is what the documentation's example is, word for word", async () => {
    const [, example = ""] = /```js app\.mjs\n([\s\S]*?)```/.exec(readFileSync("docs/embedding.md", "utf8")) ?? [];
    const file = join(temporary(), "app.mjs");
    writeFileSync(file, example);
    const port = await freePort();
    const env = { PATH: process.env.PATH, JACKFIELD_URL: product.url, JACKFIELD_KEY: product.adminKey, PORT: String(port) };
    const child = spawn(process.execPath, [file], { env, stdio: "inherit" });
    afterwards(() => child.kill());
    const page = await context.newPage();
    await until("the example", () => page.goto(`http://localhost:${port}/`).catch(() => undefined));
    const [popup] = await Promise.all([page.waitForEvent("popup"), page.getByRole("button").click()]);
    const [window] = await Promise.all([popup.waitForEvent("popup"), popup.getByRole("button", { name: "Authorize" }).click()]);
    const closed = popup.waitForEvent("close");
    await window.getByRole("button", { name: /Ada/ }).click();
    await window.getByRole("button", { name: "Allow" }).click();
    await closed;
    const shown = page.locator("pre");
    await shown.filter({ hasText: "Ada's Sandbox" }).waitFor();
    expect(JSON.parse((await shown.textContent()) ?? "").files.length).toBeGreaterThan(0);
  });

  test("cannot put the page of a link into a frame", async () => {
    const session = await link({ connectors: ["keyed"] });
    const page = await context.newPage();
    await page.goto(application);
    await page.evaluate((url) => {
      const frame = document.createElement("iframe");
      frame.src = url;
      document.body.append(frame);
      return new Promise((resolve) => frame.addEventListener("load", resolve));
    }, `${product.url}/connect/session/${session.id}`);
    const framed = page.frames().find((frame) => frame !== page.mainFrame());
    expect(await framed?.content()).not.toContain("jackfield");
    expect(framed?.url()).toMatch(/^chrome-error:/);
  });

  test("that was opened too late sees a page that says so", async () => {
    const session = await link({ connectors: ["keyed"], return_origin: application });
    const { page, popup } = await embed(application, session.url);
    await popup.getByLabel(/key/i).first().fill(apiKey);
    expect((await product.send("DELETE", `/v1/connect_sessions/${session.id}`)).status).toBe(204);
    await popup.getByRole("button", { name: "Connect", exact: true }).click();
    await popup.getByRole("heading", { name: "This link has ended" }).waitFor();
    const late = await embed(application, session.url);
    await late.popup.getByRole("heading", { name: "This link does not work" }).waitFor();
    expect([await told(page), await told(late.page)]).toEqual([[], []]);
  });
});

test("the app's secret was seen by nobody who had a link", () => {
  expect(findSecrets([awkward.secret], [["what was printed", Buffer.from(product.output)]])).toEqual([]);
});
