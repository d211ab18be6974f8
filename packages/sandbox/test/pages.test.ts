import { authorizationUrl, Browser, decide, pkce, type Running, startSandbox } from "./browser.ts";

let running: Running;
beforeEach(async () => {
  running = await startSandbox();
});
afterEach(() => running.close());

/** A browser on the consent page as Ada, and the page. */
async function onConsent(change = {}): Promise<{ browser: Browser; page: string }> {
  const browser = new Browser();
  const signIn = await browser.get(authorizationUrl(running, pkce().challenge, change));
  const back = await browser.press(await signIn.text(), `${running.url}/sign-in`, { person: "person_ada" });
  expect(back.status).toBe(303);
  const page = await (await browser.get(new URL(back.headers.get("location") ?? "", running.url).href)).text();
  return { browser, page };
}

test.each([
  ["a foreign host", "https://attacker.example/oauth/callback/sandbox"],
  ["a host that only begins like ours", "http://127.0.0.1.attacker.example/oauth/callback/sandbox"],
  ["a script", "javascript:alert(1)//oauth/callback/sandbox"],
  ["a path above", "ORIGIN/oauth/callback/../../evil"],
  ["an encoded path above", "ORIGIN/oauth/callback/%2e%2e"],
  ["a query", "ORIGIN/oauth/callback/sandbox?next=https://attacker.example"],
  ["a fragment", "ORIGIN/oauth/callback/sandbox#x"],
  ["nothing", null],
])("a redirect_uri with %s is shown as a page and never redirected to", async (_name, text) => {
  const redirect_uri = text?.replace("ORIGIN", running.origin) ?? null;
  const answer = await new Browser().get(authorizationUrl(running, pkce().challenge, { redirect_uri }));
  expect(answer.status).toBe(400);
  expect(answer.headers.get("location")).toBeNull();
  expect(await answer.text()).toContain("This request cannot be trusted");
});

test("an unknown client_id and a second redirect_uri are shown as a page too", async () => {
  const unknown = await new Browser().get(authorizationUrl(running, pkce().challenge, { client_id: "someone" }));
  const double = await new Browser().get(`${authorizationUrl(running, pkce().challenge)}&redirect_uri=https://attacker.example`);
  for (const answer of [unknown, double]) {
    expect(answer.status).toBe(400);
    expect(answer.headers.get("location")).toBeNull();
  }
});

test("parameters cannot bring markup into any page", async () => {
  const markup = `"><script>alert(1)</script>`;
  for (const name of ["client_id", "redirect_uri", "scope", "state", "response_type", markup]) {
    const answer = await new Browser().get(authorizationUrl(running, pkce().challenge, { [name]: markup }));
    expect(await answer.text()).not.toContain("<script>");
  }
  const { page } = await onConsent({ state: markup });
  expect(page).not.toContain("<script");
});

test("every page has a strict policy and no script or inline style", async () => {
  const { page } = await onConsent();
  const answers = [
    await fetch(`${running.url}/`),
    await new Browser().get(authorizationUrl(running, pkce().challenge)),
    await new Browser().get(authorizationUrl(running, pkce().challenge, { client_id: "someone" })),
  ];
  for (const answer of answers) {
    expect(answer.headers.get("content-security-policy")).toBe(
      "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    );
    expect(await answer.text()).toMatch(/^<!doctype html>\n<html lang="en">/);
  }
  expect(page).not.toMatch(/<script|<style|style=|onclick/);
  expect((await fetch(`${running.url}/style.css`)).headers.get("content-type")).toContain("text/css");
});

test("the consent page says who is asked, by whom, for what", async () => {
  const { page } = await onConsent({ scope: "profile files.write" });
  expect(page).toContain("Ada");
  expect(page).toContain(new URL(running.url).host);
  expect(page).toContain("See your name and e-mail address");
  expect(page).toContain("Create and delete files");
  expect(page).not.toContain("List and read your files");
});

test("a signed-in browser goes straight to the consent, and can choose another person", async () => {
  const { browser } = await onConsent();
  const again = await (await browser.get(authorizationUrl(running, pkce().challenge))).text();
  expect(again).toContain("Allow access?");
  const left = await browser.press(again, `${running.url}/sign-out`);
  const page = await (await browser.get(new URL(left.headers.get("location") ?? "", running.url).href)).text();
  expect(page).toContain("Who is signing in?");
});

test("the session's cookie stays within the mount path and out of reach of scripts", async () => {
  const answer = await new Browser().get(authorizationUrl(running, pkce().challenge));
  expect(answer.headers.get("set-cookie")).toMatch(/; Path=\/sandbox; .*HttpOnly; SameSite=Lax$/);
});

test("a form from another browser, an old form and a form without a ticket are refused", async () => {
  const { page } = await onConsent();
  const { browser, page: own } = await onConsent();
  const consent = `${running.url}/consent`;
  const foreign = await browser.press(page, consent, { decision: "allow" });
  const bare = await browser.press("", consent, { decision: "allow" });
  running.wait(15 * 60_000);
  const old = await browser.press(own, consent, { decision: "allow" });
  for (const answer of [foreign, bare, old]) {
    expect(answer.status).toBe(403);
    expect(answer.headers.get("location")).toBeNull();
  }
});

test("anything but Allow is a denial", async () => {
  const callback = await decide(running, pkce().challenge, { decision: "" });
  expect(callback.searchParams.get("error")).toBe("access_denied");
});
