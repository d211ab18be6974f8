import { type Answer, type Sent, send } from "./http.ts";

export interface Visit {
  readonly url: URL;
  /** Undefined where the browser was told to stop before it sent the request. */
  readonly answer: Answer | undefined;
}

export interface Steering {
  /** The browser does not open such a URL, but gives it. */
  readonly stop?: (url: URL) => boolean;
  /** What is opened in place of a URL. */
  readonly rewrite?: (url: URL) => URL;
}

export interface Person extends Steering {
  readonly as?: "ada" | "alan" | "eve";
  readonly decision?: "allow" | "deny";
}

/** Whether a URL is a connector's redirect URL. */
export const atCallback = (url: URL) => url.pathname.startsWith("/oauth/callback/");

const attribute = (tag: string, name: string) =>
  (new RegExp(`${name}="([^"]*)"`).exec(tag)?.[1] ?? "")
    .replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'")
    .replaceAll("&amp;", "&");

/** A browser without a screen: it keeps cookies, follows redirects and fills in the provider's forms. */
export class Browser {
  readonly #jar = new Map<string, Map<string, string>>();
  /** Every URL that was opened. */
  readonly trail: URL[] = [];

  cookies(origin: string): ReadonlyMap<string, string> {
    return this.#jar.get(origin) ?? new Map();
  }

  /** Forgets the cookies of an origin: signed out there. */
  forget(origin: string): void {
    this.#jar.delete(origin);
  }

  /** Sends one request with the origin's cookies and keeps those that come back. */
  async send(url: string | URL, sent: Sent = {}): Promise<Answer> {
    const { origin } = new URL(url);
    const cookie = [...this.cookies(origin)].map(([name, value]) => `${name}=${value}`).join("; ");
    this.trail.push(new URL(url));
    const answer = await send(url, { ...sent, headers: { ...(cookie ? { cookie } : {}), ...sent.headers } });
    for (const line of answer.headers["set-cookie"] ?? []) this.#keep(origin, line);
    return answer;
  }

  /** Opens a page as a person does who types or clicks: redirects are followed. */
  async open(url: string | URL, steering: Steering = {}, sent: Sent = {}): Promise<Visit> {
    let next = new URL(url);
    let request: Sent = sent;
    for (let hops = 0; hops < 20; hops += 1) {
      if (steering.rewrite) next = steering.rewrite(next);
      if (steering.stop?.(next)) return { url: next, answer: undefined };
      const answer = await this.send(next, request);
      const { location } = answer.headers;
      if (answer.status < 300 || answer.status > 399 || location === undefined) return { url: next, answer };
      next = new URL(location, next);
      request = {};
    }
    throw new Error(`too many redirects, last to ${next}`);
  }

  /** Opens our authorization URL, signs in at the provider, decides, and comes back. */
  async signIn(authorizationUrl: string | URL, person: Person = {}): Promise<Visit> {
    let visit = await this.open(authorizationUrl, person);
    for (let pages = 0; pages < 5 && visit.answer && visit.url.pathname.startsWith("/interaction/"); pages += 1)
      visit = await this.press(visit, ["decision", person.decision ?? "allow"], { account: person.as ?? "ada" }, person);
    return visit;
  }

  /** Presses a button of a page: sends the form that it stands in, with its hidden values and what was typed. */
  async press(
    { url, answer }: Visit,
    [name, value]: readonly [name: string, value: string],
    typed: Readonly<Record<string, string>> = {},
    steering: Steering = {},
  ): Promise<Visit> {
    const button = new RegExp(`<button[^>]*name="${name}"[^>]*value="${value}"`);
    const form = (answer?.text.match(/<form[\s\S]*?<\/form>/g) ?? []).find((text) => button.test(text));
    if (!form) throw new Error(`there is no button ${name}=${value} on ${url}:\n${answer?.text}`);
    const values = new URLSearchParams({ ...typed, [name]: value });
    for (const [input] of form.matchAll(/<input[^>]*type="hidden"[^>]*>/g))
      values.set(attribute(input, "name"), attribute(input, "value"));
    return this.open(new URL(attribute(form, "action"), url), steering, {
      method: "POST",
      body: values.toString(),
      headers: { "content-type": "application/x-www-form-urlencoded", origin: url.origin },
    });
  }

  #keep(origin: string, line: string): void {
    const [pair = "", ...attributes] = line.split(";").map((part) => part.trim());
    const name = pair.slice(0, pair.indexOf("="));
    const value = pair.slice(pair.indexOf("=") + 1);
    const cookies = this.#jar.get(origin) ?? new Map<string, string>();
    this.#jar.set(origin, cookies);
    const age = attributes.find((attribute) => /^max-age=/i.test(attribute))?.slice(8);
    const expires = attributes.find((attribute) => /^expires=/i.test(attribute))?.slice(8);
    const over = age === undefined ? expires !== undefined && Date.parse(expires) < Date.now() : Number(age) <= 0;
    if (over) cookies.delete(name);
    else cookies.set(name, value);
  }
}
