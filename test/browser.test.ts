import { existsSync } from "node:fs";
import { type BrowserContext, type Browser as Chromium, chromium, type Page } from "playwright-core";
import { findSecrets } from "./harness/canary.ts";
import { afterwards, cleanup } from "./harness/cleanup.ts";
import { awkward, connect, deviceManifest, look, oauthManifest, saveApp } from "./harness/connect.ts";
import { type Product, startProduct } from "./harness/product.ts";
import { type Provider, startProvider } from "./harness/provider.ts";
import { until } from "./harness/wait.ts";

jest.setTimeout(180_000);

// biome-ignore lint/suspicious/noUndeclaredEnvVars: the tests are no task of turbo.
const executablePath = process.env.CHROMIUM_PATH ?? (existsSync("/usr/bin/chromium") ? "/usr/bin/chromium" : "");
const inBrowser = executablePath === "" ? describe.skip : describe;

let provider: Provider;
let product: Product;
let browser: Chromium;

beforeAll(async () => {
  if (executablePath === "") return;
  provider = await startProvider();
  product = await startProduct({
    connectors: {
      acme: oauthManifest(provider, { name: "acme" }),
      tv: deviceManifest(provider, { name: "tv", title: "Acme TV" }),
    },
  });
  browser = await chromium.launch({ executablePath, headless: true, args: ["--no-sandbox", "--disable-background-networking"] });
  afterwards(() => browser.close());
});
afterAll(cleanup);

/** What a page, and every window that it opens, sends and receives. */
interface Trace {
  readonly text: () => string;
}

function trace(context: BrowserContext): Trace {
  const parts: string[] = [];
  context.on("request", (request) => {
    if (request.url().startsWith(provider.issuer)) return;
    parts.push(`${request.method()} ${request.url()} ${JSON.stringify(request.headers())} ${request.postData() ?? ""}`);
  });
  context.on("response", async (response) => {
    if (response.url().startsWith(provider.issuer)) return;
    const type = response.headers()["content-type"] ?? "";
    const body =
      /json|html|event-stream/.test(type) && !type.includes("event-stream") ? await response.text().catch(() => "") : "";
    parts.push(`${response.url()} ${JSON.stringify(response.headers())} ${body}`);
  });
  return { text: () => parts.join("\n") };
}

/** A browser that has come in by a session of the admin's. */
async function signedIn(): Promise<{ context: BrowserContext; page: Page; traced: Trace }> {
  const context = await browser.newContext();
  afterwards(() => context.close());
  const traced = trace(context);
  const page = await context.newPage();
  await page.goto(product.url);
  await page.getByLabel("API key").fill(product.adminKey);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Catalogue" }).waitFor();
  return { context, page, traced };
}

const card = (page: Page, title: string) => page.getByRole("article", { name: title, exact: true });

/** From the catalogue to the page on which a connection is authorized. */
async function toConnect(page: Page, title: string): Promise<void> {
  await page.goto(product.url);
  await card(page, title).getByRole("link", { name: "Connect" }).click();
  await page.getByRole("button", { name: "Authorize" }).waitFor();
}

/** Presses Authorize and gives the window that opens. */
async function authorize(page: Page): Promise<Page> {
  const [popup] = await Promise.all([page.waitForEvent("popup"), page.getByRole("button", { name: "Authorize" }).click()]);
  return popup;
}

const label = (page: Page) => page.getByTestId("label").first();
const labelled = (page: Page, name: string) => page.getByTestId("label").filter({ hasText: name }).first().waitFor();
const status = (page: Page) => page.locator("[data-status]").first();

/** What the set-up page's list says of each thing to do. */
async function done(page: Page): Promise<(string | null)[]> {
  const list = page.getByRole("list", { name: "What is done" });
  await list.waitFor();
  return list.getByRole("listitem").evaluateAll((items) => items.map((item) => item.getAttribute("data-done")));
}

/** One of the facts on a connection's page. */
const fact = (page: Page, name: string) =>
  page
    .locator(".fact", { has: page.getByText(name, { exact: true }) })
    .locator("dd")
    .textContent();

/** Everything that the browser keeps for our pages. */
async function kept(context: BrowserContext, page: Page): Promise<string> {
  const inPage = await page.evaluate(async () => {
    const databases = await Promise.all(
      (await indexedDB.databases()).map(
        ({ name }) =>
          new Promise((resolve) => {
            const opening = indexedDB.open(name ?? "");
            opening.onsuccess = () => {
              const stores = [...opening.result.objectStoreNames];
              if (stores.length === 0) return resolve([name, []]);
              const all = opening.result.transaction(stores);
              const found: unknown[] = [];
              for (const store of stores) {
                const reading = all.objectStore(store).getAll();
                reading.onsuccess = () => found.push(reading.result);
              }
              all.oncomplete = () => resolve([name, found]);
            };
            opening.onerror = () => resolve([name, "closed"]);
          }),
      ),
    );
    const caching = await caches.keys().catch(() => []);
    return JSON.stringify({
      local: { ...localStorage },
      session: { ...sessionStorage },
      databases,
      caching,
      cookie: document.cookie,
      history: location.href,
    });
  });
  return `${inPage}\n${JSON.stringify(await context.cookies())}`;
}

inBrowser("the first minute", () => {
  test("the one-time link, Connect, Ada, Allow: a connection that named itself, a step's output, a refresh, and away with it", async () => {
    const context = await browser.newContext();
    afterwards(() => context.close());
    const page = await context.newPage();
    await page.goto(product.signInLink);
    await page.getByRole("heading", { name: "Catalogue" }).waitFor();
    expect(page.url()).toBe(`${product.url}/`);

    await card(page, "Sandbox").getByRole("link", { name: "Connect" }).click();
    const popup = await authorize(page);
    await popup.getByRole("button", { name: /Ada/ }).click();
    const closed = popup.waitForEvent("close");
    await popup.getByRole("button", { name: "Allow" }).click();
    await labelled(page, "Ada's Sandbox");
    await closed;

    const [connection] = (await product.get("/v1/connections?connector=sandbox")).json.items;
    await page.getByRole("link", { name: "Open the connection" }).click();
    await page.waitForURL(`${product.url}/connections/${connection.id}`);
    expect(await label(page).textContent()).toBe("Ada's Sandbox");
    expect(await status(page).getAttribute("data-status")).toBe("connected");

    await page.getByRole("button", { name: "Test", exact: true }).click();
    await until("the test", async () => (await look(product, connection.id)).last_test.at !== connection.last_test.at);

    // Trying an action: its form has the default, its answer is shown.
    expect(await page.getByLabel("How many").inputValue()).toBe("20");
    await page.getByLabel("How many").fill("2");
    await page.getByRole("button", { name: "Run" }).click();
    await page.getByTestId("output").filter({ hasText: "file_ada" }).waitFor();
    expect(JSON.parse((await page.getByTestId("output").textContent()) ?? "")).toHaveLength(2);

    // The Refresh button asks for one at once.
    await page.getByRole("button", { name: "Refresh" }).click();
    await until("the new expiry", async () => (await look(product, connection.id)).expires_at > connection.expires_at);

    // The Sandbox's tokens live a minute: a refresh comes by itself.
    const events = async () =>
      (await product.get(`/v1/connections/${connection.id}/events`)).json.items.map(({ type }: { type: string }) => type);
    const refreshes = async () => (await events()).filter((type: string) => type === "refreshed").length;
    await until("a refresh by itself", async () => (await refreshes()) >= 2, { timeout: 90_000 });
    await page.getByRole("cell", { name: "Refreshed" }).nth(1).waitFor();

    await page.getByRole("button", { name: "Disconnect" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Disconnect now" }).click();
    await until("the end", async () => (await product.get(`/v1/connections/${connection.id}`)).status === 410);
  });
});

inBrowser("a code for another device", () => {
  test("is shown with the provider's page beside it, and the page learns from the server that it was confirmed", async () => {
    await saveApp(product, provider, "tv", { device: true });
    const { context, page } = await signedIn();
    await toConnect(page, "Acme TV");
    await page.getByRole("button", { name: "Authorize" }).click();
    const code = page.getByTestId("user-code");
    await code.waitFor();
    expect(await code.textContent()).toMatch(/^[A-Z]{4}-[A-Z]{4}$/);
    expect(await page.getByRole("timer").textContent()).toMatch(/ (9:5\d|10:00) minutes/);
    await page.getByText(`${provider.issuer}/device`, { exact: true }).waitFor();
    // No window was opened: the person decides where to go on.
    expect(context.pages()).toHaveLength(1);

    const link = page.getByRole("link", { name: "Open the provider's page" });
    const [tab] = await Promise.all([context.waitForEvent("page"), link.click()]);
    await tab.getByRole("heading", { name: "Is this the code?" }).waitFor();
    await tab.getByRole("button", { name: "Continue" }).click();
    await tab.getByLabel("Account").fill("alan");
    await tab.getByRole("button", { name: "Allow" }).click();
    await tab.getByRole("heading", { name: "Allow access" }).waitFor();
    await tab.getByRole("button", { name: "Allow" }).click();
    await tab.getByText("You may close this page").waitFor();
    await labelled(page, "Alan Turing's Acme TV");

    // Reconnecting asks for another one, and who gives up keeps what works.
    await page.getByRole("link", { name: "Open the connection" }).click();
    await page.getByRole("button", { name: "Reconnect" }).click();
    await code.waitFor();
    await page.getByRole("button", { name: "Cancel" }).click();
    await code.waitFor({ state: "detached" });
    expect(await status(page).getAttribute("data-status")).toBe("connected");
  });
});

inBrowser("a sign-in that does not go as planned", () => {
  test("a denial is told with the provider's words, and can be tried again", async () => {
    const { page } = await signedIn();
    await toConnect(page, "Sandbox");
    const popup = await authorize(page);
    await popup.getByRole("button", { name: /Grace/ }).click();
    await popup.getByRole("button", { name: "Deny" }).click();
    await page.getByText("You did not give access.").first().waitFor();
    const again = await authorize(page);
    await again
      .getByRole("button", { name: "Allow" })
      .or(again.getByRole("button", { name: /Grace/ }))
      .first()
      .click();
    await again
      .getByRole("button", { name: "Allow" })
      .click()
      .catch(() => undefined);
    await labelled(page, "Grace's Sandbox");
  });

  test("a window that is closed leaves the page telling so, and a second try works", async () => {
    const { page } = await signedIn();
    await toConnect(page, "Sandbox");
    const popup = await authorize(page);
    await popup.getByRole("button", { name: /Alan/ }).waitFor();
    await popup.close();
    await page.bringToFront();
    await page.getByText("Sign-in was not finished").first().waitFor();
    await page.getByRole("button", { name: "Try again" }).click();
    const again = await authorize(page);
    await again.getByRole("button", { name: /Alan/ }).click();
    await again.getByRole("button", { name: "Allow" }).click();
    await labelled(page, "Alan's Sandbox");
  });

  test("a window that the browser blocks is replaced by a way that needs none", async () => {
    const { page } = await signedIn();
    await page.addInitScript(() => {
      window.open = () => null;
    });
    await toConnect(page, "Sandbox");
    await page.getByRole("button", { name: "Authorize" }).click();
    await page.getByRole("link", { name: "Continue in this tab" }).click();
    await page.getByRole("button", { name: /Ada/ }).click();
    await page.getByRole("button", { name: "Allow" }).click();
    await page.getByRole("heading", { name: "Sandbox is connected" }).waitFor();
    await page.getByRole("link", { name: /connections/ }).click();
    await page.getByText("Ada's Sandbox").first().waitFor();
  });
});

inBrowser("setting a connector up", () => {
  test("shows the redirect URL to copy, byte for byte the one that is sent, and takes a secret that it never shows again", async () => {
    const { page, context, traced } = await signedIn();
    await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: product.url });
    await page.goto(`${product.url}/connectors/acme/connect`);
    await page.getByText("The app's client ID and secret are not saved yet.").waitFor();
    expect(await page.getByRole("button", { name: "Authorize" }).isDisabled()).toBe(true);
    await page.goto(product.url);
    await card(page, "Acme").getByRole("link", { name: "Set up" }).click();
    await page.getByRole("heading", { name: "At the provider" }).waitFor();
    await page.getByRole("heading", { name: "Here" }).waitFor();
    await page.getByText("register the URL of each further deployment separately").waitFor();
    const scopes = page.getByRole("region", { name: "Scopes to allow" }).getByRole("listitem");
    expect(await scopes.allInnerTexts()).toEqual(["Read your items. read", "Change your items. write"]);
    expect(await done(page)).toEqual(["false", "false"]);
    await page.getByRole("button", { name: "Copy" }).first().click();
    const redirectUri = await page.evaluate(() => navigator.clipboard.readText());
    expect(redirectUri).toBe(`${product.url}/oauth/callback/acme`);

    await provider.client({
      client_id: awkward.id,
      client_secret: awkward.secret,
      token_endpoint_auth_method: "client_secret_basic",
      redirect_uris: [redirectUri],
    });
    await page.getByLabel("Client ID").fill(awkward.id);
    const secret = page.getByLabel("Client secret");
    expect(await secret.getAttribute("type")).toBe("password");
    await secret.fill(awkward.secret);
    await page.getByRole("button", { name: "Save configuration" }).click();
    await until(
      "the configuration",
      async () => (await product.get("/v1/connectors/acme/apps/oauth/production")).json.secret_set === true,
    );
    await page.reload();
    await until("the saved client ID", async () => (await page.getByLabel("Client ID").inputValue()) === awkward.id);
    expect(await done(page)).toEqual(["true", "false"]);
    expect(await page.getByLabel("Client secret").inputValue()).toBe("");
    expect(await page.content()).not.toContain(awkward.secret);
    expect(
      findSecrets([awkward.secret], [["the answers to the pages", Buffer.from(traced.text().replace(/^PUT .*$/gm, ""))]]),
    ).toEqual([]);
  });

  test("tells what connections live by when the app is changed, and drops the secret before it when asked to", async () => {
    const { page } = await signedIn();
    const at = "/v1/connectors/acme/apps/oauth/production";
    const soon = new Date(Date.now() + 5 * 86_400_000).toISOString().slice(0, 10);
    await page.goto(`${product.url}/connectors/acme/setup`);
    await page.getByLabel("Client secret").fill("canary-another-secret");
    await page.getByLabel("Secret ends on").fill(soon);
    await page.getByRole("button", { name: "Save configuration" }).click();
    await page.getByText("The secret before this one is still held.").waitFor();
    await page.getByText("The secret ends soon.").waitFor();
    await page.locator('[data-event="app.secret_rotated"]').waitFor();
    expect((await product.get(at)).json).toMatchObject({ expires_on: soon, previous_secret_until: expect.any(String) });
    await page.getByRole("button", { name: "Drop it now" }).click();
    await page.getByText("The secret before this one is still held.").waitFor({ state: "detached" });
    expect((await product.get(at)).json.previous_secret_until).toBeNull();
    await product.put(at, { client_id: awkward.id, client_secret: awkward.secret, expires_on: null });
  });

  test("and connecting with it leaves no token, code or secret in the browser", async () => {
    const { page, context, traced } = await signedIn();
    await toConnect(page, "Acme");
    const asked = page.getByRole("region", { name: "What will be asked for" }).getByRole("listitem");
    expect(await asked.allInnerTexts()).toEqual(["Read your items. read", "Change your items. write"]);
    // The password is the provider's to ask for.
    expect(await page.locator("input[type=password]").count()).toBe(0);
    const popup = await authorize(page);
    await popup.getByLabel("Account").fill("ada");
    await popup.getByRole("button", { name: "Allow" }).click();
    await popup.getByRole("heading", { name: "Allow access" }).waitFor();
    await popup.getByRole("button", { name: "Allow" }).click();
    await labelled(page, "Ada Lovelace's Acme");
    const [connection] = (await product.get("/v1/connections?connector=acme")).json.items;
    await page.goto(`${product.url}/connectors/acme/setup`);
    await until("both to be done", async () => (await done(page)).join() === "true,true");
    await page.goto(`${product.url}/connections/${connection.id}`);
    await labelled(page, "Ada Lovelace's Acme");
    expect(await fact(page, "Granted")).toBe("read, write");

    const { access_tokens, refresh_tokens, codes } = await provider.issued();
    expect(access_tokens.length).toBeGreaterThan(0);
    const secrets = [...access_tokens, ...refresh_tokens, awkward.secret];
    expect(findSecrets([...secrets, ...codes], [["the browser", Buffer.from(await kept(context, page))]])).toEqual([]);
    // The code passes through the address of the redirect URL and nothing else.
    expect(findSecrets(secrets, [["the network", Buffer.from(traced.text())]])).toEqual([]);
    const redirects = traced
      .text()
      .split("\n")
      .filter((line) => !line.includes(`${product.url}/oauth/callback/acme?`));
    expect(findSecrets(codes, [["the network beside the redirect URL", Buffer.from(redirects.join("\n"))]])).toEqual([]);
    const cookies = await context.cookies(product.url);
    for (const cookie of cookies) expect(cookie).toMatchObject({ httpOnly: true, sameSite: "Lax" });
  });
});

inBrowser("a connection whose provider has withdrawn its access", () => {
  test("is shown as needing its user, live, and is healed by Reconnect", async () => {
    const { page } = await signedIn();
    const [connection] = (await product.get("/v1/connections?connector=acme")).json.items;
    await page.goto(`${product.url}/connections/${connection.id}`);
    await page.locator('[data-status="connected"]').first().waitFor();
    await provider.revoke();
    await product.post(`/v1/connections/${connection.id}/refresh`);
    await page.locator('[data-status="needs_reauth"]').first().waitFor();
    await page.getByRole("alert").getByText("invalid_grant").waitFor();

    const [popup] = await Promise.all([page.waitForEvent("popup"), page.getByRole("button", { name: "Reconnect" }).click()]);
    await popup.getByLabel("Account").fill("ada");
    await popup.getByRole("button", { name: "Allow" }).click();
    await popup.getByRole("heading", { name: "Allow access" }).waitFor();
    await popup.getByRole("button", { name: "Allow" }).click();
    await page.locator('[data-status="connected"]').first().waitFor();
    await labelled(page, "Ada Lovelace's Acme");
    expect((await look(product, connection.id)).error).toBeNull();
  });
});

inBrowser("a connection whose way to connect has changed", () => {
  test("is marked in the list, and its page offers to reconnect to upgrade", async () => {
    const publish = (auth?: string) =>
      product.send("PUT", "/v1/connectors/changing", oauthManifest(provider, { name: "changing", ...(auth ? { auth } : {}) }), {
        headers: { "content-type": "application/yaml" },
      });
    await publish();
    await saveApp(product, provider, "changing");
    const { id } = await connect(product, "changing");
    const { page } = await signedIn();
    await page.goto(`${product.url}/connections/${id}`);
    await page.getByRole("button", { name: "Reconnect", exact: true }).waitFor();

    await publish("    refresh: { leeway: 1m }\n");
    await page.goto(`${product.url}/connections`);
    const row = page.getByRole("listitem").filter({ has: page.locator(`a[href="/connections/${id}"]`) });
    await row.getByText("Upgrade available").waitFor();
    await row.getByRole("link").click();
    await page.getByText("This connection goes on as it was made.").waitFor();
    const [popup] = await Promise.all([
      page.waitForEvent("popup"),
      page.getByRole("button", { name: "Reconnect to upgrade" }).click(),
    ]);
    await popup.getByLabel("Account").fill("ada");
    await popup.getByRole("button", { name: "Allow" }).click();
    await popup.getByRole("heading", { name: "Allow access" }).waitFor();
    await popup.getByRole("button", { name: "Allow" }).click();
    await page.getByRole("button", { name: "Reconnect", exact: true }).waitFor();
    expect(await page.getByText("This connection goes on as it was made.").count()).toBe(0);
    expect((await look(product, id)).upgrade_available).toBe(false);
  });
});

inBrowser("the API's reference", () => {
  test("tells what each route takes, answers and allows, and of a connector its actions with their inputs", async () => {
    const { page } = await signedIn();
    await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "API", exact: true }).click();
    await page.getByRole("heading", { name: "API", exact: true }).waitFor();
    expect(await page.getByLabel("MCP server").inputValue()).toBe(`${product.url}/mcp`);
    const operation = page.getByRole("listitem").filter({ hasText: "Makes a draft" });
    await operation.locator("summary").first().click();
    await operation.getByText("For admin, user, connect sessions.").waitFor();
    await operation.getByText("Whose connection it is. Admins only.").waitFor();
    const codes = page.getByRole("region", { name: "Error codes" });
    await codes.getByText("input_invalid").waitFor();

    await page.getByLabel("Find").fill("rotate");
    await page.getByText("/v1/event_endpoints/{id}/rotate").waitFor();
    expect(await page.getByText("Makes a draft").count()).toBe(0);

    await page.getByLabel("Show").selectOption("acme");
    await page.getByRole("heading", { name: "Acme: actions" }).waitFor();
    const action = page.getByRole("listitem").filter({ hasText: "/v1/connections/{id}/actions/list_items" });
    await action.locator("summary").first().click();
    await action.getByText("Members").first().click();
    await action.getByText("1 to 100").waitFor();
    await action.getByText("default 3").waitFor();
    expect(await page.getByLabel("MCP server").inputValue()).toBe(`${product.url}/mcp?connector=acme`);
  });
});

inBrowser("the pages", () => {
  test("load nothing from anywhere else, and break no rule of their own content security policy", async () => {
    const context = await browser.newContext();
    afterwards(() => context.close());
    const foreign: string[] = [];
    const complaints: string[] = [];
    context.on("request", (request) => {
      if (!request.url().startsWith(product.url) && !request.url().startsWith("data:")) foreign.push(request.url());
    });
    const page = await context.newPage();
    page.on("console", (message) => {
      // Asking who is signed in, before anybody is, and for an app that is not saved yet: Chromium notes both as errors.
      const asked = /\/v1\/(session$|connectors\/\w+\/apps\/)/.test(message.location().url);
      if (message.type() === "error" && !asked) complaints.push(`${message.text()} ${message.location().url}`);
    });
    page.on("pageerror", (error) => complaints.push(String(error)));
    await page.goto(product.url);
    await page.getByLabel("API key").fill(product.adminKey);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("heading", { name: "Catalogue" }).waitFor();
    for (const path of [
      "/",
      "/connectors/sandbox",
      "/connectors/sandbox/connect",
      "/connectors/slack/setup",
      "/connections",
      "/api",
      "/api/sandbox",
      "/nowhere",
    ]) {
      await page.goto(`${product.url}${path}`);
      await page.getByRole("heading").first().waitFor();
    }
    expect(foreign).toEqual([]);
    expect(complaints).toEqual([]);
  });

  test("say what to do when the API key is wrong", async () => {
    const page = await browser.newPage();
    afterwards(() => page.close());
    await page.goto(product.url);
    await page.getByLabel("API key").fill("jf_wrong");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("alert").getByText("The API key is unknown or was revoked.").waitFor();
  });
});
