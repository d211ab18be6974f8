import { type Html, html } from "./html.ts";
import { type Person, people } from "./people.ts";
import { type Scope, scopes } from "./scopes.ts";

/** What a form sends back so that it is known to come from one of our own pages in the same browser. */
export interface Form {
  /** The path of the mount point, for the forms' targets. */
  readonly mount: string;
  readonly ticket: string;
}

function page(mount: string, title: string, content: Html): string {
  const whole = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title} · Sandbox</title>
<link rel="stylesheet" href="${mount}/style.css">
</head>
<body>
<main>
<p class="brand"><span></span>Sandbox, a provider for trying things out</p>
<h1>${title}</h1>
${content}
</main>
</body>
</html>
`;
  return whole.text;
}

export function signInPage(form: Form): string {
  const choice = (person: Person): Html =>
    html`<button name="person" value="${person.id}">${person.name}<small>${person.email}</small></button>`;
  return page(
    form.mount,
    "Who is signing in?",
    html`<p>Everybody here is invented, so nobody needs a password.</p>
<form method="post" action="${form.mount}/sign-in">
<input type="hidden" name="ticket" value="${form.ticket}">
<div class="choices">${people.map(choice)}</div>
</form>`,
  );
}

export function consentPage(form: Form, person: Person, asked: readonly Scope[], destination: string): string {
  const line = (scope: Scope): Html => html`<li>${scopes[scope]}<code>${scope}</code></li>`;
  return page(
    form.mount,
    "Allow access?",
    html`<p>You are signed in as <strong>${person.name}</strong> (${person.email}). The app at <strong>${destination}</strong> asks to:</p>
<ul>${asked.map(line)}</ul>
<form method="post" action="${form.mount}/consent">
<input type="hidden" name="ticket" value="${form.ticket}">
<div class="decision">
<button name="decision" value="deny">Deny</button>
<button name="decision" value="allow" class="primary">Allow</button>
</div>
</form>
<form method="post" action="${form.mount}/sign-out">
<input type="hidden" name="ticket" value="${form.ticket}">
<button class="link">Not ${person.name}? Choose another person</button>
</form>`,
  );
}

/** Shown when sending the browser anywhere would be unsafe. */
export function refusalPage(mount: string, title: string, reason: string): string {
  return page(
    mount,
    title,
    html`<p class="bad" role="alert">${reason}</p>
<p class="note">Nothing was shared. Close this page, or go back to where you came from and start again.</p>`,
  );
}

export function homePage(mount: string): string {
  return page(
    mount,
    "Nothing real lives here",
    html`<p>This is a small OAuth 2 provider with three invented people and their files. Connect it like any other provider to see a
sign-in, a consent, a refresh every minute and API calls, without leaving this machine.</p>
<ul>
<li>Authorization <code>${mount}/authorize</code></li>
<li>Token <code>${mount}/token</code></li>
<li>Revocation <code>${mount}/revoke</code></li>
<li>API <code>${mount}/api</code></li>
</ul>
<p class="note"><a href="${mount}/.well-known/oauth-authorization-server">Metadata of the authorization server</a></p>`,
  );
}
