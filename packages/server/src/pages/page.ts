import { createHash } from "node:crypto";
import type { ServerResponse } from "node:http";
import { type Html, html } from "./html.ts";

/*
 * The few pages that must work by themselves, while a person comes back from a provider: one file each, no request to anywhere, and
 * only this style and this script may run.
 */

const style = `
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #57606a; --ground: #f6f7f9; --card: #fff; --line: #d8dee4; --good: #1a7f37; --bad: #b42318; --accent: #2456c9 }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ed; --soft: #9aa4af; --ground: #14171b; --card: #1d2127; --line: #353b43; --good: #4cc26a; --bad: #ff8a7a; --accent: #8db0ff } }
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.5rem; background: var(--ground); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif }
main { width: 100%; max-width: 30rem; padding: 2rem; background: var(--card); border: 1px solid var(--line); border-radius: 12px }
h1 { margin: 0 0 .5rem; font-size: 1.25rem; line-height: 1.3 }
main[data-outcome=connected] h1 { color: var(--good) }
main[data-outcome=failed] h1 { color: var(--bad) }
p { margin: .5rem 0; overflow-wrap: anywhere }
blockquote { margin: .75rem 0; padding: .25rem 0 .25rem .75rem; border-left: 3px solid var(--line); color: var(--soft); overflow-wrap: anywhere }
small { color: var(--soft) }
nav { display: flex; flex-wrap: wrap; gap: .75rem; align-items: center; margin-top: 1.5rem }
button { padding: .5rem 1rem; border: 1px solid var(--line); border-radius: 8px; background: transparent; color: inherit; font: inherit; cursor: pointer }
a { color: var(--accent) }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px }
`;

// A pop-up has no menu bar. The query may still hold what the provider sent: it must not stay in the history.
const script = `
if (location.search) history.replaceState(null, "", location.pathname);
document.getElementById("close").addEventListener("click", () => window.close());
const { outcome, back } = document.querySelector("main").dataset;
const here = sessionStorage.getItem("jackfield.here") !== null;
sessionStorage.removeItem("jackfield.here");
// Who came to the provider in this very window goes on in it; a window of its own has done its work.
if (here && back) location.replace(back);
else if (!here && !window.menubar.visible && outcome === "connected") setTimeout(() => window.close(), 1500);
`;

const hash = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
const policy = [
  "default-src 'none'",
  `style-src ${hash(style)}`,
  `script-src ${hash(script)}`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

export interface Page {
  readonly status: number;
  readonly title: string;
  readonly outcome: "connected" | "denied" | "failed";
  readonly body: Html;
  /** Where it goes on, in place of the list of connections. */
  readonly back?: string | null;
  /** Shown to somebody who has no other page here. */
  readonly alone?: boolean;
}

/** Sends a page that nobody may keep, frame or learn our address from. */
export function sendPage(response: ServerResponse, { status, title, outcome, body, back, alone }: Page): void {
  const place = back ? html`<a href="${back}">Continue</a>` : html`<a href="/connections">Go to your connections</a>`;
  const { html: text } = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} · Jackfield</title>
<style>${{ html: style }}</style>
</head>
<body>
<main data-outcome="${outcome}" data-back="${back ?? ""}">
<h1>${title}</h1>
${body}
<nav><button type="button" id="close">Close this window</button>${alone === true ? undefined : place}</nav>
</main>
<script>${{ html: script }}</script>
</body>
</html>
`;
  response.writeHead(status, {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Length": Buffer.byteLength(text),
    "Content-Security-Policy": policy,
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
  });
  response.end(text);
}
