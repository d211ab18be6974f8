import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { type CallbackOutcome, createSealer, JackfieldError } from "@jackfield/engine";
import express from "express";
import { donePage, donePath, errorPage, readOutcome } from "../src/pages/done.ts";
import { html } from "../src/pages/html.ts";
import { type Page, sendPage } from "../src/pages/page.ts";
import { staticPages } from "../src/pages/static.ts";
import { temporary } from "./temporary.ts";

const key = randomBytes(32);
const sealer = createSealer({ active: "a", get: () => key }, randomBytes);
const markup = `<img src=x onerror="alert(1)">&'`;

const outcome = (values: Record<string, unknown>) =>
  ({
    connection: { id: "con_1", label: "Ada's Files" },
    outcome: "connected",
    error: null,
    ...values,
  }) as unknown as CallbackOutcome;

function rendered(page: Page): { readonly status: number; readonly headers: Record<string, unknown>; readonly text: string } {
  const sent = { status: 0, headers: {}, text: "" };
  const response = {
    writeHead(status: number, headers: object) {
      Object.assign(sent, { status, headers });
    },
    end(text: string) {
      sent.text = text;
    },
  };
  sendPage(response as unknown as ServerResponse, page);
  return sent;
}

const throughTheAddress = (ended: CallbackOutcome, title: string) => {
  const told = readOutcome(sealer, donePath(sealer, ended, title, 0).split("/").at(-1) ?? "", 1);
  if (told === undefined) throw new Error("the address told nothing");
  return rendered(donePage(told));
};

test("text becomes HTML only after it was escaped; what is missing leaves nothing", () => {
  expect(html`<p>${markup}${undefined}${3}${html`<b>${"<"}</b>`}${[html`<i>`, html`</i>`]}</p>`.html).toBe(
    "<p>&lt;img src=x onerror=&quot;alert(1)&quot;&gt;&amp;&#39;3<b>&lt;</b><i></i></p>",
  );
});

test("the last page tells how it ended, and shows a name with markup as text", () => {
  const { text } = throughTheAddress(outcome({ connection: { id: "con_1", label: markup } }), markup);
  expect(text).toContain("is connected</h1>");
  expect(text).not.toContain("<img");
  expect(text.match(/&lt;img src=x/g)?.length).toBe(3);
});

test("a failure is told with its message, the provider's words and what to do, all as text", () => {
  const error = {
    code: "grant_refused",
    message: "Refused.",
    hint: "Press Connect again.",
    at: "",
    provider: { error: "x", error_description: markup },
  };
  const { text } = throughTheAddress(outcome({ outcome: "failed", error }), "Files");
  for (const part of ["Files could not be connected", "Refused.", "Press Connect again.", "&lt;img src=x"])
    expect(text).toContain(part);
  expect(text).not.toContain("<img");
});

test("an error that nobody expected tells its request id and nothing else of itself", () => {
  const { status, text } = rendered(errorPage(new JackfieldError("internal", { detail: "canary" }), "request-1"));
  expect(status).toBe(500);
  expect(text).toContain("request-1");
  expect(text).not.toContain("canary");
});

test("only the page's own style and script may run, and nothing else may be loaded", () => {
  const { headers, text } = throughTheAddress(outcome({}), "Files");
  const policy = String(headers["Content-Security-Policy"]);
  for (const tag of ["style", "script"]) {
    const [, content = ""] = new RegExp(`<${tag}>([\\s\\S]*?)</${tag}>`).exec(text) ?? [];
    expect(policy).toContain(`${tag}-src 'sha256-${createHash("sha256").update(content).digest("base64")}'`);
  }
  expect(policy).toMatch(/^default-src 'none'/);
  expect(policy).toContain("frame-ancestors 'none'");
  expect(text).not.toMatch(/opener|https?:\/\/|src=|onclick/);
  expect(headers).toMatchObject({ "Cache-Control": "no-store", "Referrer-Policy": "no-referrer" });
});

test("the address of the last page tells something for an hour, only where it was made, and only unaltered", () => {
  const sealed = donePath(sealer, outcome({}), "Files", 1000).split("/").at(-1) ?? "";
  expect(readOutcome(sealer, sealed, 1000)).toMatchObject({ connector: "Files", label: "Ada's Files" });
  expect(readOutcome(sealer, sealed, 1000 + 3_600_000)).toBeUndefined();
  const other = createSealer({ active: "a", get: () => Buffer.alloc(32, 1) }, randomBytes);
  expect(readOutcome(other, sealed, 1000)).toBeUndefined();
  for (const text of ["", "x", `${sealed}A`, sealed.toUpperCase()]) expect(readOutcome(sealer, text, 1000)).toBeUndefined();
});

test("long words are cut, so that the address stays one", () => {
  const long = "x".repeat(100_000);
  const path = donePath(
    sealer,
    outcome({ connection: { id: "c", label: long }, error: { message: long, hint: long, provider: { error: long } } }),
    "Files",
    0,
  );
  expect(path.length).toBeLessThan(4000);
});

describe("the built pages", () => {
  const folder = join(temporary(), "dist");
  mkdirSync(join(folder, "assets"), { recursive: true });
  writeFileSync(join(folder, "index.html"), "<!doctype html><title>pages</title>");
  writeFileSync(join(folder, "assets", "index-abc123.js"), "1");
  writeFileSync(join(folder, "favicon.svg"), "<svg/>");
  writeFileSync(join(folder, "..", "outside.txt"), "outside");
  const app = express()
    .use(staticPages(folder))
    .use((_request, response) => void response.status(404).json({ code: "not_found" }));
  const http = createServer(app);
  let url = "";
  beforeAll(async () => {
    await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  });
  afterAll(() => void http.close());
  const open = (path: string, accept = "text/html", method = "GET") => fetch(url + path, { method, headers: { accept } });

  test("whose names have a hash are kept for ever", async () => {
    const answer = await open("/assets/index-abc123.js", "*/*");
    expect(answer.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
    expect((await open("/assets/missing.js")).status).toBe(404);
  });

  test("answer every address that a person opens, and are asked for each time", async () => {
    for (const path of ["/", "/connections", "/connectors/x/setup"]) {
      const answer = await open(path);
      expect([answer.status, await answer.text()]).toEqual([200, "<!doctype html><title>pages</title>"]);
      expect(answer.headers.get("cache-control")).toBe("no-cache");
      expect(answer.headers.get("content-security-policy")).toMatch(/^default-src 'self';.*frame-ancestors 'none'/);
    }
    expect((await open("/", "*/*")).status).toBe(200);
    expect((await open("/connections", "*/*")).status).toBe(404);
    expect((await open("/favicon.svg", "image/*")).headers.get("cache-control")).toBe("no-cache");
  });

  test("stay away from what is not theirs", async () => {
    for (const path of ["/v1/nothing", "/v1", "/oauth/nothing", "/sandbox", "/sandbox/x", "/openapi.json", "/healthz"])
      expect([path, (await open(path)).status]).toEqual([path, 404]);
    expect((await open("/connections", "application/json")).status).toBe(404);
    expect((await open("/connections", "text/html", "POST")).status).toBe(404);
    for (const path of ["/..%2foutside.txt", "/assets/..%2f..%2foutside.txt", "/%2e%2e/outside.txt"])
      expect(await (await open(path, "*/*")).text()).not.toContain("outside");
  });

  test("that were never built are no error", async () => {
    const answer = staticPages(join(folder, "missing"));
    expect(answer.stack).toHaveLength(0);
  });
});
