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
 * Checks request headers: names, values, one header per name whatever its case, 8 KB each and 32 KB together. Returns a copy that the
 * caller cannot change afterwards. `cookie`: whether the credential is a cookie. Throws `header_refused`; the detail never holds a value.
 */
export function checkHeaders(headers: Readonly<Record<string, string>>, cookie = false): Record<string, string> {
  const entries = Object.entries(headers);
  const names = new Set<string>();
  let size = 0;
  for (const [name, value] of entries) {
    checkHeader(name, value, cookie);
    if (names.has(name.toLowerCase())) throw refuse(`The header ${name} is set twice.`);
    names.add(name.toLowerCase());
    size += name.length + value.length + 4;
  }
  if (size > maxAll) throw refuse(`The headers are longer than ${maxAll} bytes together.`);
  return Object.fromEntries(entries);
}
