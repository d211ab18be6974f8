import { type Encoding, fitsEncoding } from "@jackfield/manifest";
import { JackfieldError } from "../errors.ts";
import { textOf } from "./hole.ts";
import { formEncode, formEntries } from "./parameters.ts";
import { buildXml } from "./xml.ts";

/** A body as it is sent. */
export interface Encoded {
  readonly type: string;
  readonly body: string | Buffer;
}

/** A file as an input gives it; `data` is base64. */
interface File {
  readonly name?: string;
  readonly type?: string;
  readonly data: string;
}

const octets = "application/octet-stream";

type Encode = (body: unknown, boundary: () => string) => Encoded;

/** How a request's body is written. */
export const bodyEncodings: { readonly [E in Encoding]: Encode } = {
  json: (body) => ({ type: "application/json", body: JSON.stringify(body) }),
  form: (body) => ({ type: "application/x-www-form-urlencoded", body: formEncode(formEntries(body)) }),
  text: (body) => ({ type: "text/plain; charset=utf-8", body: typeof body === "string" ? body : JSON.stringify(body) }),
  xml: (body) => ({ type: "application/xml", body: typeof body === "string" ? body : buildXml(body) }),
  multipart: (body, boundary) => multipart(body, boundary()),
  binary: (body) => {
    const file = fileOf(body);
    if (file === undefined) throw new JackfieldError("expression_error", { detail: "A binary body must be a file or base64." });
    return { type: file.type ?? octets, body: Buffer.from(file.data, "base64") };
  },
};

/** Throws `header_refused` for a Content-Type that says something else of a body than its encoding. */
export function refuseOtherType(encoding: Encoding | undefined, type: string | undefined): void {
  if (encoding === undefined || type === undefined || fitsEncoding(type, encoding)) return;
  throw new JackfieldError("header_refused", {
    detail: `The body is sent as ${encoding}, and Content-Type says something else.`,
    hint: "Choose another `encoding`, or leave Content-Type out: it follows the encoding.",
  });
}

/** A file input, or a text in base64. */
function fileOf(value: unknown): File | undefined {
  if (typeof value === "string") return { data: value };
  const isFile = typeof value === "object" && value !== null && "data" in value && typeof value.data === "string";
  return isFile ? (value as File) : undefined;
}

/** RFC 7578. A value `{ file, filename, type }` is a file; a list gives several parts of the same name. */
function multipart(body: unknown, boundary: string): Encoded {
  if (body === null || typeof body !== "object" || Array.isArray(body))
    throw new JackfieldError("expression_error", { detail: "A multipart body must be an object." });
  const parts: Buffer[] = [];
  for (const [name, values] of Object.entries(body)) {
    for (const value of [values].flat()) {
      const { head, content } = part(name, value);
      parts.push(Buffer.from(`--${boundary}\r\n${head}\r\n\r\n`, "utf8"), content, Buffer.from("\r\n"));
    }
  }
  parts.push(Buffer.from(`--${boundary}--\r\n`));
  return { type: `multipart/form-data; boundary=${boundary}`, body: Buffer.concat(parts) };
}

function part(name: string, value: unknown): { head: string; content: Buffer } {
  const disposition = `Content-Disposition: form-data; name="${quoted(name)}"`;
  if (typeof value !== "object" || value === null)
    return { head: disposition, content: Buffer.from(textOf(value, name), "utf8") };
  const declared = "file" in value ? (value as { file: unknown; filename?: string; type?: string }) : { file: value };
  const file = fileOf(declared.file);
  if (file === undefined) {
    return { head: `${disposition}\r\nContent-Type: application/json`, content: Buffer.from(JSON.stringify(value), "utf8") };
  }
  const filename = declared.filename ?? file.name ?? name;
  const type = declared.type ?? file.type ?? octets;
  return {
    head: `${disposition}; filename="${quoted(filename)}"\r\nContent-Type: ${type.replace(/[\r\n]/g, "")}`,
    content: Buffer.from(file.data, "base64"),
  };
}

/** As browsers write it (RFC 7578 §2, WHATWG): a name cannot end the header. */
function quoted(text: string): string {
  return text.replace(/\r/g, "%0D").replace(/\n/g, "%0A").replace(/"/g, "%22");
}
