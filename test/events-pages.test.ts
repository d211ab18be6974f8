import { existsSync, readFileSync } from "node:fs";
import { type Browser as Chromium, chromium, type Page } from "playwright-core";
import { afterwards, cleanup } from "./harness/cleanup.ts";
import { keyedManifest, oauthManifest, saveApp } from "./harness/connect.ts";
import { type Product, startProduct } from "./harness/product.ts";
import { type Provider, startProvider } from "./harness/provider.ts";
import { type Receiver, startReceiver, verified } from "./provider/receiver.ts";

jest.setTimeout(120_000);

// biome-ignore lint/suspicious/noUndeclaredEnvVars: the tests are no task of turbo.
const executablePath = process.env.CHROMIUM_PATH ?? (existsSync("/usr/bin/chromium") ? "/usr/bin/chromium" : "");
const inBrowser = executablePath === "" ? describe.skip : describe;

const apiKey = "key-of-the-events-pages";

let provider: Provider;
let receiver: Receiver;
let product: Product;
let browser: Chromium;

beforeAll(async () => {
  if (executablePath === "") return;
  provider = await startProvider();
  await provider.apiKey(apiKey);
  receiver = await startReceiver();
  product = await startProduct({
    connectors: { keyed: keyedManifest(provider, "keyed"), acme: oauthManifest(provider, { name: "acme" }) },
  });
  browser = await chromium.launch({ executablePath, headless: true, args: ["--no-sandbox", "--disable-background-networking"] });
  afterwards(() => browser.close());
});
afterAll(cleanup);

async function signedIn(): Promise<Page> {
  const context = await browser.newContext({ acceptDownloads: true });
  afterwards(() => context.close());
  const page = await context.newPage();
  await page.goto(product.url);
  await page.getByLabel("API key").fill(product.adminKey);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: "Catalogue" }).waitFor();
  return page;
}

const connectKey = async (owner: string) =>
  (await product.post("/v1/connections", { connector: "keyed", owner, fields: { api_key: apiKey } })).json.id as string;

inBrowser("the pages", () => {
  test("make an event endpoint, show its secret once, and what came of a ping", async () => {
    const page = await signedIn();
    await page.getByRole("link", { name: "Events" }).click();
    await page.getByRole("link", { name: "Event endpoints" }).click();
    await page.getByLabel("URL").fill(`${receiver.url}/page`);
    await page.getByLabel("What it is told of").selectOption("connection.created");
    await page.getByRole("button", { name: "Create endpoint" }).click();
    const secret = await page.getByLabel(/^Secret of/).inputValue();
    expect(secret).toMatch(/^whsec_/);

    await page.getByRole("button", { name: "Send a ping" }).click();
    await page.locator('[data-delivery="delivered"]').waitFor();
    const [ping] = receiver.at("/page");
    expect(ping && verified(ping, secret).type).toBe("ping");

    await page.reload();
    await page.getByRole("heading", { name: `${receiver.url}/page` }).waitFor();
    expect(await page.content()).not.toContain(secret.slice(6));

    await page.getByRole("button", { name: "New secret" }).click();
    expect(await page.getByLabel(/^Secret of/).inputValue()).not.toBe(secret);
    await page.getByRole("button", { name: "Disable" }).click();
    await page.getByText("Disabled. It is told nothing.").waitFor();
    await page.getByRole("button", { name: "Delete" }).click();
    await page.getByRole("button", { name: "Delete now" }).click();
    await page.getByText("There are no event endpoints yet.").waitFor();
  });

  test("list what happened, filter it, and save it as a file", async () => {
    const id = await connectKey("listed");
    const page = await signedIn();
    await page.getByRole("link", { name: "Events" }).click();
    await page.locator('[data-event="authorized"]').first().waitFor();
    await page.getByLabel("What").selectOption("created");
    await page.getByLabel("Owner").fill("listed");
    await page.locator('[data-event="authorized"]').first().waitFor({ state: "detached" });
    await page.locator('[data-event="created"]').getByRole("link", { name: "keyed" }).waitFor();
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Download" }).click()]);
    const lines = readFileSync(await download.path(), "utf8")
      .trim()
      .split("\n");
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ type: "created", connection: id }]);
  });

  test("lead from an event of an app to where it is set up", async () => {
    await saveApp(product, provider, "acme");
    const page = await signedIn();
    await page.getByRole("link", { name: "Events" }).click();
    await page.getByLabel("What").selectOption("app.saved");
    const row = page.locator('[data-event="app.saved"]').first();
    await row.getByText("App saved").waitFor();
    await row.getByRole("link", { name: "acme" }).click();
    await page.getByRole("heading", { name: "What happened" }).waitFor();
  });

  test("show who uses a connection and how quick its tests are, and name the workflows before it is disconnected", async () => {
    const id = await connectKey("used");
    await product.post(`/v1/connections/${id}/test`);
    await product.post(`/v1/connections/${id}/actions/list_items`, { workflow: "nightly report" });
    const page = await signedIn();
    await page.goto(`${product.url}/connections/${id}`);
    await page.getByRole("region", { name: "Used by" }).getByText("nightly report").waitFor();
    await page.getByText("Last 2 tests").waitFor();
    await page.getByText(/to .*, median /).waitFor();

    await page.getByRole("button", { name: "Disconnect" }).click();
    await page.getByRole("button", { name: "Disconnect now" }).click();
    await page.getByText("Used in the last 30 days by nightly report.").waitFor();
    expect((await product.get(`/v1/connections/${id}`)).json.status).toBe("connected");
    await page.getByRole("button", { name: "Disconnect anyway" }).click();
    await page.getByRole("heading", { name: "Connections" }).waitFor();
    expect((await product.get(`/v1/connections/${id}`)).status).toBe(410);
  });
});
