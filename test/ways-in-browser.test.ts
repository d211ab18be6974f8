import { existsSync } from "node:fs";
import { type Browser as Chromium, chromium, type Page } from "playwright-core";
import { afterwards, cleanup } from "./harness/cleanup.ts";
import { type Product, startProduct } from "./harness/product.ts";
import { type OddProvider, startOddProvider } from "./provider/odd.ts";

// How the pages offer several ways to connect: a REST API without a manifest, and a sign-in with a person's password.

jest.setTimeout(180_000);

// biome-ignore lint/suspicious/noUndeclaredEnvVars: the tests are no task of turbo.
const executablePath = process.env.CHROMIUM_PATH ?? (existsSync("/usr/bin/chromium") ? "/usr/bin/chromium" : "");
const inBrowser = executablePath === "" ? describe.skip : describe;

let odd: OddProvider;
let product: Product;
let strict: Product;
let browser: Chromium;

const legacy = (url: string) => `manifest: 1
name: legacy
title: Legacy
base_url: ${url}
auth:
  password:
    type: oauth2
    grant: password
    acknowledge_risk: password_grant
    title: Password
    client: { source: none, authentication: none }
    store_password: false
    scopes: { required: [{ name: read, reason: Read all. }, { name: write, reason: Write all. }] }
    token: { url: ${url}/token }
    revocation: { none: It has none. }
    test: { request: { path: /me } }
    label: "{{ me.name }}"
    unique_id: me.id
  key:
    type: bearer
    title: Key
    test: { request: { path: /me } }
    label: "{{ me.name }}"
    unique_id: me.id
actions:
  me: { title: Who am I, request: { path: /me } }
`;

const machine = (url: string) => `manifest: 1
name: machine
title: Machine
base_url: ${url}
auth:
  service:
    type: oauth2
    grant: client_credentials
    token: { url: ${url}/token }
    test: { request: { path: /me } }
    label: "{{ me.name }}"
    unique_id: me.id
actions:
  me: { title: Who am I, request: { path: /me } }
`;

beforeAll(async () => {
  if (executablePath === "") return;
  odd = await startOddProvider({
    "/token": () => ({ body: { access_token: "token-of-ada", token_type: "Bearer", scope: "read", expires_in: 864_000 } }),
    "/me": () => ({ body: { id: "acct-1815", name: "Ada" } }),
    "/items": ({ query }) => ({ body: { items: [query.get("color")] } }),
  });
  const connectors = { legacy: legacy(odd.url), machine: machine(odd.url) };
  product = await startProduct({ connectors });
  strict = await startProduct({ connectors, env: { ALLOW_PASSWORD_GRANT: "off" } });
  browser = await chromium.launch({ executablePath, headless: true, args: ["--no-sandbox", "--disable-background-networking"] });
  afterwards(() => browser.close());
});
afterAll(cleanup);

async function signedIn(at: Product): Promise<Page> {
  const context = await browser.newContext();
  afterwards(() => context.close());
  const page = await context.newPage();
  await page.goto(at.url);
  await page.getByLabel("API key").fill(at.adminKey);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Catalogue" }).waitFor();
  return page;
}

inBrowser("a REST API without a manifest", () => {
  test("is connected and called from its form", async () => {
    const page = await signedIn(product);
    await page.goto(`${product.url}/connectors/http/connect?auth=bearer`);
    await page.getByLabel("Base URL").fill("ftp://files.example");
    await page.getByLabel("Access token", { exact: false }).last().fill("canary-token-0123456789");
    await page.getByRole("button", { name: "Connect" }).click();
    await page.getByText("The URL must begin with https://").first().waitFor();
    await page.getByLabel("Base URL").fill(odd.url);
    await page.getByLabel("Path of the test call").fill("/me");
    await page.getByLabel("Further URLs").fill(`${odd.url}/one\n${odd.url}/two\n`);
    await page.getByRole("button", { name: "Connect" }).click();
    await page.getByText("is connected").waitFor();
    await page.getByRole("link", { name: "Open the connection" }).click();
    await page.getByRole("textbox", { name: "Path" }).fill("/items");
    await page.getByRole("textbox", { name: "Query" }).fill('{ "color": "green" }');
    await page.getByRole("button", { name: "Run" }).click();
    expect(JSON.parse((await page.getByTestId("output").textContent()) ?? "")).toEqual({ items: ["green"] });
    const { items } = (await product.get("/v1/connections")).json;
    expect(items[0].fields.whitelist).toEqual([`${odd.url}/one`, `${odd.url}/two`]);
  });

  test("shows the redirect URL before anything is saved, and says which grant is for what", async () => {
    const page = await signedIn(product);
    await page.goto(`${product.url}/connectors/http/connect`);
    expect(await page.getByRole("radio", { name: "OAuth 2.0, client credentials" }).isChecked()).toBe(true);
    await page.getByText("Preferred when no person's own data is needed").waitFor();
    await page.getByText("For one person's own data").waitFor();
    expect(await page.getByLabel("Redirect URL to register").count()).toBe(0);
    const marked = page.locator("label", { has: page.locator(".required", { hasText: "Required" }) });
    const required = await marked.evaluateAll((labels) => labels.map((label) => label.firstChild?.textContent));
    expect(required).toEqual(["Base URL", "Client ID", "Client secret", "Token URL"]);
    const help = page.getByRole("link", { name: "aud", exact: true });
    expect([await help.getAttribute("target"), await help.getAttribute("rel")]).toEqual(["_blank", "noopener noreferrer"]);
    await page.getByRole("radio", { name: "OAuth 2.0, authorization code" }).check();
    expect(await page.getByLabel("Redirect URL to register").inputValue()).toBe(`${product.url}/oauth/callback/http`);
    expect((await product.get("/v1/connections?search=never")).json.items).toEqual([]);
  });
});

inBrowser("a sign-in with a person's password", () => {
  test("is marked as legacy, not recommended, and says that the password is not stored", async () => {
    const page = await signedIn(product);
    await page.goto(`${product.url}/connectors/legacy/connect`);
    expect(await page.getByRole("radio", { name: "Key" }).isChecked()).toBe(true);
    const way = page.locator(".way", { hasText: "Password" });
    expect(await way.getByText("Legacy sign-in").count()).toBe(1);
    expect(await way.getByText("Recommended").count()).toBe(0);
    await page.getByRole("radio", { name: "Password" }).check();
    await page.getByText("It is used once for a token, and not stored.").waitFor();
    await page.getByLabel("User name").fill("ada");
    await page.locator("input[type=password]").fill("canary-password-of-ada");
    await page.getByRole("button", { name: "Connect" }).click();
    await page.getByText("is connected").waitFor();
    await page.getByRole("link", { name: "Open the connection" }).click();
    await page.getByText("Legacy sign-in").waitFor();
    const fact = (name: string) =>
      page
        .locator(".fact", { has: page.getByText(name, { exact: true }) })
        .locator("dd")
        .textContent();
    // What was granted is less than what was asked for, and ends for good on a day that is named.
    expect([await fact("Granted"), await fact("Asked for, not granted")]).toEqual(["read", "write"]);
    const { expires_at } = (await product.get("/v1/connections?connector=legacy")).json.items[0];
    expect(await fact("Access")).toMatch(new RegExp(`^Ends .*${expires_at.slice(0, 4)}.*; sign in again before$`));
    await page.getByRole("link", { name: "Connections" }).first().click();
    await page.getByRole("link", { name: "Add connection" }).click();
    await page.getByRole("heading", { name: "Catalogue" }).waitFor();
  });

  test("is not offered where the deployment forbids it", async () => {
    const page = await signedIn(strict);
    await page.goto(`${strict.url}/connectors/legacy`);
    await page.getByText("Not allowed on this deployment.").waitFor();
    await page.goto(`${strict.url}/connectors/legacy/connect?auth=password`);
    await page.getByLabel("Access token").waitFor();
    expect(await page.getByText("Legacy sign-in").count()).toBe(0);
  });
});

inBrowser("the set-up page", () => {
  test("of a client that asks in its own name has no redirect URL, and connecting opens no window", async () => {
    const page = await signedIn(product);
    await page.goto(`${product.url}/connectors/machine/setup`);
    await page.getByLabel("Client ID").fill("us");
    await page.getByLabel("Client secret").fill("canary-client-secret");
    expect(await page.getByText("Redirect URL").count()).toBe(0);
    await page.getByRole("button", { name: "Save configuration" }).click();
    await page.getByRole("link", { name: "Connect", exact: true }).click();
    await page.getByRole("button", { name: "Connect", exact: true }).click();
    await page.getByText("is connected").waitFor();
    expect(page.context().pages()).toHaveLength(1);
  });

  test("gives the same advice for every connector", async () => {
    const page = await signedIn(product);
    for (const name of ["legacy", "http", "github"]) {
      await page.goto(`${product.url}/connectors/${name}/setup`);
      await page.getByRole("heading", { name: "Whatever you connect" }).waitFor();
      for (const words of ["dedicated account", "least privilege", "read-only"]) await page.getByText(words).first().waitFor();
    }
    const docs = page.getByRole("link", { name: "Where do I find this?" });
    const { docs_url } = (await product.get("/v1/connectors/github")).json;
    expect(await docs.getAttribute("href")).toBe(docs_url);
    expect([await docs.getAttribute("target"), await docs.getAttribute("rel")]).toEqual(["_blank", "noopener noreferrer"]);
  });
});
