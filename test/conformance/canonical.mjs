// @ts-check
// A request in a form in which two of them can be compared: nothing counts but what a provider could tell apart.

/**
 * @typedef {{ method: string, url: string, headers?: Record<string, string> | null, body?: string | null }} Sent
 * @typedef {[name: string, value: string][]} Pairs
 * @typedef {{ method: string, target: string, route: string, query: Pairs, headers: Record<string, string>, type: string, body: unknown }} Canonical
 */

const masks = /** @type {const} */ ([
  [/eyJ[\w-]+\.[\w-]+\.[\w-]+/g, "<jwt>"],
  [/\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b/gi, "<uuid>"],
  [/\b\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d)?(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?/g, "<time>"],
  [/\b\d{4}-\d\d-\d\d\b/g, "<date>"],
  [/\b1[5-9]\d{8}(?:\d{3})?\b/g, "<time>"],
]);

/** JWTs, UUIDs and times are different each time. @param {string} text */
const masked = (text) => masks.reduce((rest, [pattern, name]) => rest.replace(pattern, name), text);

/** @param {Pairs} pairs @returns {Pairs} */
const sorted = (pairs) =>
  pairs
    .filter(([, value]) => value !== "")
    .map(([name, value]) => /** @type {[string, string]} */ ([name, masked(value)]))
    .sort(([a, x], [b, y]) => (a < b ? -1 : a > b ? 1 : x < y ? -1 : x > y ? 1 : 0));

/** @param {string} text @returns {Pairs} */
const pairsOf = (text) => [...new URLSearchParams(text)];

/** JSON with sorted keys. @param {unknown} value @returns {unknown} */
function ordered(value) {
  if (Array.isArray(value)) return value.map(ordered);
  if (typeof value === "string") return masked(value);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, inner]) => /** @type {[string, unknown]} */ ([key, ordered(inner)]));
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** XML without the space between its elements. @param {string} text */
const xml = (text) =>
  masked(text)
    .replace(/<\?xml[^>]*\?>/, "")
    .replace(/>\s+</g, "><")
    .replace(/<([\w:]+)([^<>]*)><\/\1>/g, "<$1$2/>")
    .trim();

/** @param {string} body @param {string} type @returns {unknown} */
function canonicalBody(body, type) {
  if (body === "") return null;
  if (/^\s*[[{]/.test(body)) {
    try {
      return ordered(JSON.parse(body));
    } catch {
      return masked(body);
    }
  }
  if (/^\s*</.test(body)) return xml(body);
  return type === "application/x-www-form-urlencoded" || /^[^=\s]+=/.test(body) ? sorted(pairsOf(body)) : masked(body);
}

/**
 * @param {Sent} sent
 * @param {readonly string[]} declared lower-case names of headers that the definition adds
 * @returns {Canonical}
 */
export function canonical({ method, url, headers, body }, declared) {
  const [front = "", route = ""] = url.split(/#(.*)/s);
  const { protocol, host, pathname, search } = new URL(front);
  const [path = "", routed = ""] = route.split(/\?(.*)/s);
  const lower = Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]));
  const type = (lower["content-type"] ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
  const names = ["authorization", ...declared].filter((name) => lower[name] !== undefined && name !== "content-type");
  const own = canonicalBody(body ?? "", type);
  return {
    method: method.toUpperCase(),
    target: `${protocol}//${host.toLowerCase()}${pathname}`,
    route: path,
    query: sorted([...pairsOf(search), ...pairsOf(routed)]),
    headers: Object.fromEntries(names.sort().map((name) => [name, masked(lower[name] ?? "")])),
    type: own === null ? "" : type,
    body: own,
  };
}

/** @param {unknown} a @param {unknown} b */
export const isSame = (a, b) => JSON.stringify(a) === JSON.stringify(b);
