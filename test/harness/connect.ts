import { type Browser, Browser as NewBrowser, type Person, type Visit } from "./browser.ts";
import type { Product } from "./product.ts";
import { deviceGrant, type Provider } from "./provider.ts";

/** As awkward as RFC 6749's appendix A allows; the provider takes no others. */
export const awkward = { id: "client:/+% & id=?", secret: "s3cr3t:/+% & =?#\"'~;canary-client-secret" } as const;

export interface Manifest {
  readonly name: string;
  readonly authentication?: "client_secret_basic" | "client_secret_post";
  /** Further lines of the auth block, indented by four spaces. */
  readonly auth?: string;
  /** Further lines of the whole manifest. */
  readonly more?: string;
  readonly title?: string;
}

/** A connector for `test/provider/oidc.mjs`. */
export function oauthManifest(provider: Provider, manifest: Manifest): string {
  const { name, authentication = "client_secret_basic", auth = "", more = "", title = "Acme" } = manifest;
  return `manifest: 1
name: ${name}
title: ${title}
base_url: ${provider.issuer}/api
auth:
  oauth:
    type: oauth2
    grant: authorization_code
    issuer: ${provider.issuer}
    client: { authentication: ${authentication} }
    scopes: { required: [{ name: read, reason: Read your items. }, { name: write, reason: Change your items. }] }
    authorization: { url: ${provider.issuer}/auth }
    token: { url: ${provider.issuer}/token }
    test: { request: { path: /me } }
    label: "{{ me.name }}'s ${title}"
    unique_id: me.id
${auth}${more}actions:
  list_items:
    title: List items
    input: { limit: { type: number, default: 3, min: 1, max: 100, label: How many } }
    request: { path: /items, query: { limit: "{{ input.limit }}" } }
    output: body.items
  get_item:
    title: Get an item
    input: { id: { required: true } }
    request: { path: "/items/{{ input.id }}" }
  create_item:
    title: Create an item
    input: { name: { required: true } }
    request: { method: POST, path: /items, body: { name: "{{ input.name }}" } }
  slow:
    title: Wait
    input: { ms: { type: number, default: 1000 } }
    request: { path: /slow, query: { ms: "{{ input.ms }}" } }
  leak:
    title: Fail with the token in the provider's words
    request: { path: /leak }
  status:
    title: Answer with a status
    input: { code: { type: number, required: true } }
    request: { path: /status, query: { code: "{{ input.code }}" } }
  redirect:
    title: Be redirected
    input: { to: { required: true }, status: { type: number, default: 302 } }
    request: { path: /redirect, query: { to: "{{ input.to }}", status: "{{ input.status }}" } }
`;
}

/** The same with a code that is confirmed on another device. */
export function deviceManifest(provider: Provider, manifest: Manifest): string {
  return oauthManifest(provider, manifest)
    .replace("grant: authorization_code", "grant: device_code")
    .replace(/^ {4}authorization: .*$/m, `    device: { url: "${provider.issuer}/device/auth", interval: 1s }`);
}

/** A connector with an API key, for the same server. */
export function keyedManifest(provider: Provider, name: string, more = ""): string {
  return `manifest: 1
name: ${name}
title: Keyed
base_url: ${provider.issuer}/keyed
auth:
  key:
    type: api_key
    apply: { in: header, name: X-Api-Key, value: "{{ fields.api_key }}" }
    test: { request: { path: /me } }
    label: "{{ me.name }}'s key"
    unique_id: me.id
${more}actions:
  list_items: { title: List items, request: { path: /items }, output: body.items }
  echo: { title: Echo, request: { path: /echo } }
  slow:
    title: Wait
    input: { ms: { type: number, default: 1000 } }
    request: { path: /slow, query: { ms: "{{ input.ms }}" } }
`;
}

/** Registers our app at the provider and saves its configuration here. */
export async function saveApp(
  product: Product,
  provider: Provider,
  connector: string,
  options: {
    readonly id?: string;
    readonly secret?: string;
    /** What is saved here, if it is to differ from what the provider knows. */
    readonly saved?: string;
    readonly authentication?: "client_secret_basic" | "client_secret_post";
    /** For codes that are confirmed on another device, and nothing else. */
    readonly device?: boolean;
  } = {},
): Promise<void> {
  const { id = `${awkward.id}-${connector}`, secret = awkward.secret, authentication = "client_secret_basic" } = options;
  await provider.client({
    client_id: id,
    client_secret: secret,
    token_endpoint_auth_method: authentication,
    redirect_uris: options.device ? [] : [`${product.url}/oauth/callback/${connector}`],
    ...(options.device ? { response_types: [], grant_types: [deviceGrant, "refresh_token"] } : {}),
  });
  const answer = await product.put(`/v1/connectors/${connector}/apps/oauth/production`, {
    client_id: id,
    client_secret: options.saved ?? secret,
  });
  if (answer.status !== 200) throw new Error(`saving the app: ${answer.status} ${answer.text}`);
}

/** A draft. */
export async function draft(product: Product, connector: string, values: Readonly<Record<string, unknown>> = {}) {
  const answer = await product.post("/v1/connections", { connector, ...values });
  if (answer.status >= 300) throw new Error(`creating a connection: ${answer.status} ${answer.text}`);
  return answer.json;
}

/** Our authorization URL for a connection. */
export async function begin(product: Product, connection: string): Promise<string> {
  const answer = await product.post(`/v1/connections/${connection}/authorize`);
  if (answer.status >= 300) throw new Error(`starting the sign-in: ${answer.status} ${answer.text}`);
  return answer.json.authorization_url;
}

/** The connection as it is now. */
export async function look(product: Product, connection: string) {
  return (await product.get(`/v1/connections/${connection}`)).json;
}

export interface Connected {
  readonly id: string;
  readonly browser: Browser;
  readonly visit: Visit;
  // biome-ignore lint/suspicious/noExplicitAny: as the API answers it.
  readonly connection: any;
}

/** The whole journey: a draft, the sign-in at the provider, and back. */
export async function connect(
  product: Product,
  connector: string,
  person: Person & {
    readonly browser?: Browser;
    readonly auth?: string;
    readonly fields?: Readonly<Record<string, unknown>>;
  } = {},
): Promise<Connected> {
  const browser = person.browser ?? new NewBrowser();
  const { auth, fields } = person;
  const { id } = await draft(product, connector, { ...(auth && { auth }), ...(fields && { fields }) });
  const visit = await browser.signIn(await begin(product, id), person);
  return { id, browser, visit, connection: await look(product, id) };
}

/** Runs an action. */
export function step(product: Product, connection: string, action: string, input: Readonly<Record<string, unknown>> = {}) {
  return product.post(`/v1/connections/${connection}/actions/${action}`, { input });
}

/** The connection's log, newest first. */
export async function events(
  product: Product,
  connection: string,
): Promise<readonly { id: string; type: string; code?: string; host?: string }[]> {
  return (await product.get(`/v1/connections/${connection}/events?limit=100`)).json.items;
}
