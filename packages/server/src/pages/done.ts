import type { CallbackOutcome, ConnectionError, JackfieldError, Place, ProviderWords, Sealer } from "@jackfield/engine";
import { errorTable } from "@jackfield/engine";
import { type Html, html } from "./html.ts";
import type { Page } from "./page.ts";

/** What the last page of a sign-in says. It travels sealed in the page's own address, so that nothing is kept for it. */
export interface Outcome {
  readonly outcome: CallbackOutcome["outcome"];
  readonly connector: string;
  readonly connection: string;
  readonly label: string | null;
  readonly message: string | null;
  readonly hint: string | null;
  readonly provider: string | null;
  /** The page of the connect session that the sign-in was started in. */
  readonly back: string | null;
  /** When the page is no longer shown; milliseconds since the epoch. */
  readonly until: number;
}

const place: Place = { workspace: "", connector: "", id: "done", field: "outcome" };
const lifetime = 60 * 60_000;

/** The path of the page that tells how a sign-in ended. */
export function donePath(
  sealer: Sealer,
  { actor, connection, outcome, error }: CallbackOutcome,
  title: string,
  now: number,
): string {
  const told: Outcome = {
    outcome,
    connector: title,
    connection: connection.id,
    label: cut(connection.label),
    message: cut(error?.message),
    hint: cut(error?.hint),
    provider: cut(wordsOf(error?.provider)),
    back: backOf(actor),
    until: now + lifetime,
  };
  return `/oauth/done/${sealer.seal(place, told)}`;
}

/** The page of a connect session. */
export const sessionPath = (id: string) => `/connect/session/${encodeURIComponent(id)}`;

function backOf(actor: string): string | null {
  const [, session] = /^connect\/(.+)$/.exec(actor) ?? [];
  return session === undefined ? null : sessionPath(session);
}

/** What a path tells, or undefined when it is not ours or too old. */
export function readOutcome(sealer: Sealer, sealed: string, now: number): Outcome | undefined {
  try {
    const outcome = sealer.open(place, sealed) as Outcome;
    return outcome.until > now ? outcome : undefined;
  } catch {
    // Altered, or sealed with a key that is gone: either way there is nothing to show.
    return undefined;
  }
}

const titles: { readonly [O in Outcome["outcome"]]: (connector: string) => string } = {
  connected: (connector) => `${connector} is connected`,
  denied: (connector) => `${connector} was not connected`,
  failed: (connector) => `${connector} could not be connected`,
};

export function donePage(told: Outcome): Page {
  const { outcome, connector, label, message, hint, provider, back } = told;
  const connected = outcome === "connected";
  const body = html`${connected && label !== null ? html`<p>as <strong>${label}</strong></p>` : undefined}
${connected ? html`<p>You can close this window.</p>` : explanation(message ?? "", hint ?? "", provider)}`;
  return { status: 200, title: titles[outcome](connector), outcome, body, back };
}

/** A sign-in that ended before it could be told whose it was. */
export function errorPage(error: JackfieldError, requestId: string): Page {
  const detail = error.code === "internal" ? errorTable.internal[2] : error.message;
  const body = html`${explanation(detail, error.hint, wordsOf(error.provider))}
<p><small>Request ${requestId}</small></p>`;
  const link = error.code === "connect_session_invalid";
  const title = link ? "This link does not work" : "The sign-in did not succeed";
  return { status: error.status, title, outcome: "failed", body, alone: link };
}

export const expiredPage: Page = {
  status: 404,
  title: "This page is no longer available",
  outcome: "denied",
  body: html`<p>Your connections show how the sign-in ended.</p>`,
};

function explanation(message: string, hint: string, provider: string | null | undefined): Html {
  const quoted =
    provider === null || provider === undefined ? undefined : html`<p>The provider said:</p><blockquote>${provider}</blockquote>`;
  return html`<p>${message}</p>${quoted}<p>${hint}</p>`;
}

function wordsOf(words: ConnectionError["provider"] | ProviderWords): string | undefined {
  return words?.error_description ?? words?.error;
}

/** Addresses have a limit, and nobody reads more. */
function cut(text: string | null | undefined): string | null {
  if (text === null || text === undefined) return null;
  return text.length > 300 ? `${text.slice(0, 299)}…` : text;
}
