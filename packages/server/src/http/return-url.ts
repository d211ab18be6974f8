import { JackfieldError } from "@jackfield/engine";

const refused = (field: string, detail: string) =>
  new JackfieldError("request_invalid", { detail: `body: ${field} ${detail}`, members: { in: "body", field } });

/**
 * An origin that may be told what was connected: exactly scheme, host and port, as browsers write it, so that it can be compared. Without
 * TLS only on this machine. Throws `request_invalid`.
 */
export function returnOrigin(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.origin !== text) throw refused("return_origin", "must be an origin such as https://app.example.com, without a path.");
  const local = /^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname);
  if (url.protocol !== "https:" && !(url.protocol === "http:" && local))
    throw refused("return_origin", "must begin with https://; plain http is for this machine only.");
  return text;
}

/** A path within an origin as a URL. What a browser would take for another place is refused: throws `request_invalid`. */
export function returnUrl(origin: string, path: string): string {
  const url = /^\/(?![/\\])/.test(path) && URL.canParse(path, origin) ? new URL(path, origin) : undefined;
  if (url?.origin !== origin) throw refused("return_path", "must be a path within return_origin that begins with one slash.");
  return url.href;
}
