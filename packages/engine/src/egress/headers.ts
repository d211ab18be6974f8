import { JackfieldError } from "../errors.ts";

/*
 * Which request headers a manifest, a step or a proxied request may set. The ones that steer the connection or tell who
 * asked are never theirs to set; a cookie only where the manifest says that it is the credential.
 */

const nameForm = /^[A-Za-z0-9-]+$/;
const forbiddenName =
  /^(?:host|connection|transfer-encoding|content-length|te|trailer|upgrade|keep-alive|proxy-.*|expect|x-forwarded-.*|forwarded|cookie)$/i;
// Printable Latin-1: no control character, and nothing that would be cut to a byte on its way out.
const valueForm = /^[\u0020-\u007e\u0080-\u00ff]*$/;
const maxValue = 8 * 1024;
const maxAll = 32 * 1024;

function refuse(detail: string): JackfieldError {
  return new JackfieldError("header_refused", { detail });
}

/** Header names with a value, or with several that are sent one by one. */
export type Headers = Readonly<Record<string, string | readonly string[]>>;

function checkHeader(name: string, value: unknown, cookie: boolean): void {
  // A name that does not fit may hold anything, so the error does not repeat it.
  if (!nameForm.test(name)) throw refuse("A header's name may contain only letters, digits and hyphens.");
  const isCredential = cookie && name.toLowerCase() === "cookie";
  if (forbiddenName.test(name) && !isCredential) throw refuse(`The header ${name} may not be set.`);
  if (typeof value !== "string") throw refuse(`The header ${name} is not a text.`);
  if (!valueForm.test(value)) throw refuse(`The header ${name} contains a character that headers cannot carry.`);
  if (value.length > maxValue) throw refuse(`The header ${name} is longer than ${maxValue} bytes.`);
}

/**
 * Checks request headers: names, values, one entry per name whatever its case, 8 KB each value and 32 KB together. Returns a copy that the
 * caller cannot change afterwards. `cookie`: whether the credential is a cookie. Throws `header_refused`; the detail never holds a value.
 */
export function checkHeaders(headers: Headers, cookie = false): Record<string, string | string[]> {
  const checked: Record<string, string | string[]> = {};
  const names = new Set<string>();
  let size = 0;
  for (const [name, given] of Object.entries(headers)) {
    const values = Array.isArray(given) ? [...given] : [given];
    for (const value of values) {
      checkHeader(name, value, cookie);
      size += name.length + value.length + 4;
    }
    if (names.has(name.toLowerCase())) throw refuse(`The header ${name} is set twice.`);
    names.add(name.toLowerCase());
    checked[name] = Array.isArray(given) ? values : (given as string);
  }
  if (size > maxAll) throw refuse(`The headers are longer than ${maxAll} bytes together.`);
  return checked;
}

/** One value for each name, several in one line (RFC 9110 §5.3). */
export function flatHeaders(headers: Headers): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, typeof value === "string" ? value : value.join(", ")]),
  );
}

/** Headers that are about one connection only (RFC 9110 §7.6.1), beside those that `Connection` names. */
const hopByHop: ReadonlySet<string> = new Set([
  "connection",
  "expect",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** The headers that go on to the next hop; names in lower case. */
export function withoutHopByHop(headers: Headers): Headers {
  const listed = new Set(
    [headers.connection ?? []]
      .flat()
      .join(",")
      .split(",")
      .map((name) => name.trim().toLowerCase()),
  );
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !hopByHop.has(name) && !listed.has(name)));
}
