import { targetOf } from "./api.ts";
import { errorOf, isProblem } from "./errors.ts";
import { secondsOf, type Transport } from "./transport.ts";

export interface ProxyOptions {
  /**
   * The connector's own base URL, such as `https://api.example.com/v1`. With it, absolute URLs below it are understood, as other
   * libraries make them; without it only paths are.
   */
  readonly base_url?: string | URL | undefined;
  /** What the workflow calls itself: kept with the step's event, and counted as a use of the connection. */
  readonly workflow?: string | undefined;
}

/**
 * A `fetch` that sends through a connection: paths are joined to the connector's base URL, and the provider's answer comes back whatever
 * its status. Where the provider was not asked, or did not answer, it throws `JackfieldError`; a failed network rejects as `fetch` does.
 * Bodies are passed on as they flow. Nothing is tried again, and an `Authorization` header of the caller is replaced.
 */
export function proxyFetch(transport: Transport, connection: string, options: ProxyOptions = {}): typeof fetch {
  const root = `${transport.url}${targetOf("/v1/connections/{id}/proxy", { id: connection })}`;
  const base = options.base_url === undefined ? undefined : new URL(options.base_url);
  return async (input, init) => {
    const given = input instanceof Request ? input : undefined;
    const url = proxied(root, given?.url ?? String(input), base);
    const headers = new Headers(init?.headers ?? given?.headers);
    headers.set("authorization", transport.authorization);
    if (options.workflow !== undefined) headers.set("jackfield-workflow", options.workflow);
    const body = init?.body === undefined ? given?.body : init.body;
    const response = await transport.fetch(url, {
      ...init,
      method: init?.method ?? given?.method ?? "GET",
      headers,
      // The key goes nowhere else; the server follows the provider's own redirects.
      redirect: "manual",
      signal: init?.signal ?? given?.signal ?? null,
      ...(body === undefined || body === null ? {} : { body }),
      // What Node and browsers want to hear before they send a stream.
      ...(body instanceof ReadableStream ? { duplex: "half" } : {}),
    });
    await refuse(response);
    return response;
  };
}

/** The proxy's URL for what was asked. Throws `TypeError` for what does not lie below the base URL. */
function proxied(root: string, asked: string, base: URL | undefined): URL {
  const url = new URL(`${root}/${pathOf(asked, base).replace(/^\//, "")}`);
  url.hash = "";
  // Dots are resolved now: what they lead to must still be the proxy of this connection.
  if (!url.href.startsWith(`${root}/`)) throw new TypeError(`${asked} leads out of the connection's API.`);
  return url;
}

function pathOf(asked: string, base: URL | undefined): string {
  // As URLs are read: any scheme, or an authority of its own.
  if (!/^([a-z][a-z0-9+.-]*:|[/\\]{2})/i.test(asked)) return asked;
  if (base === undefined)
    throw new TypeError(`${asked} is a whole URL: give the path, or say with \`base_url\` what it begins with.`);
  const url = new URL(asked, base);
  const folder = base.pathname.replace(/\/*$/, "");
  const below = url.pathname === folder || url.pathname.startsWith(`${folder}/`);
  if (url.origin !== base.origin || !below) throw new TypeError(`${asked} does not begin with ${base.href}.`);
  return url.pathname.slice(folder.length) + url.search;
}

/**
 * Throws where the answer is an error of Jackfield's and not the provider's, who may use the same media type. The id of the request, which
 * the provider never sees, proves it.
 */
async function refuse(response: Response): Promise<void> {
  const type = response.headers.get("content-type") ?? "";
  if (response.status < 400 || !type.startsWith("application/problem+json")) return;
  const id = response.headers.get("x-request-id");
  const problem: unknown = await response
    .clone()
    .json()
    .catch(() => undefined);
  if (!isProblem(problem) || id === null || problem.request_id !== id) return;
  await response.body?.cancel();
  throw errorOf(problem, { retry_after: secondsOf(response) });
}
