import { type ErrorCode, JackfieldError } from "../errors.ts";

/** What is known of a request that failed. */
export interface Failed {
  /** Host and port, without path and query. */
  readonly host: string;
  /** Whether the provider may have processed it: true from the moment before its first byte is written. */
  readonly sent: boolean;
  /** Milliseconds that a connection may take. */
  readonly connectTimeout: number;
}

type Row = readonly [code: ErrorCode, detail: (failed: Failed, name: string) => string];

const closing: Row = ["stopping", ({ host }) => `The request to ${host} was not finished before the server stopped.`];
const unknownName: Row = ["provider_unavailable", ({ host }) => `The host name of ${host} is not known.`];
const undecodable: Row = ["provider_unavailable", ({ host }, name) => `The answer of ${host} cannot be decoded (${name}).`];
const malformed: Row = ["provider_unavailable", ({ host }, name) => `The answer of ${host} is not well-formed HTTP (${name}).`];
const untrusted: Row = [
  "provider_unavailable",
  ({ host }, name) => `No trusted TLS connection to ${host} is possible (${name}).`,
];
const broken: Row = ["provider_unavailable", ({ host }, name) => `The connection to ${host} failed (${name}).`];

const rows: Readonly<Record<string, Row>> = {
  UND_ERR_CONNECT_TIMEOUT: [
    "provider_timeout",
    ({ host, connectTimeout }) => `${host} did not accept a connection within ${connectTimeout} ms.`,
  ],
  UND_ERR_HEADERS_OVERFLOW: ["provider_answer_too_large", ({ host }) => `The headers that ${host} sent are too large.`],
  UND_ERR_CLOSED: closing,
  UND_ERR_DESTROYED: closing,
  ENOTFOUND: unknownName,
  EAI_NODATA: unknownName,
  EAI_AGAIN: ["provider_unavailable", ({ host }) => `The host name of ${host} could not be looked up.`],
};

/** Families of codes that OpenSSL, zlib and the HTTP parser name one by one. */
const families: readonly (readonly [RegExp, Row])[] = [
  [/^(?:Z_|ERR_BROTLI|ERR__ERROR_|ERR_BUFFER_TOO_LARGE)/, undecodable],
  [/^HPE_|^UND_ERR_RES|^UND_ERR_INVALID/, malformed],
  [/^(?:ERR_TLS|ERR_SSL|CERT_|UNABLE_TO|DEPTH_ZERO|SELF_SIGNED|HOSTNAME_MISMATCH|EPROTO|INVALID_CA|ERR_OSSL)/, untrusted],
];

function codeOf(error: unknown): string {
  const code: unknown = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : "unknown";
}

function rowOf(name: string): Row {
  return rows[name] ?? families.find(([form]) => form.test(name))?.[1] ?? broken;
}

/** The cause without what undici's parser keeps of the answer, which may hold tokens. */
function withoutData(error: unknown): unknown {
  if (typeof error === "object" && error !== null && "data" in error) delete error.data;
  return error;
}

/**
 * The error that a caller gets for what undici, node or zlib threw. Its member `sent` tells whether the provider may have processed the
 * request; `false` means that it certainly did not, so that any method may be tried again.
 */
export function failure(error: unknown, failed: Failed): JackfieldError {
  const { sent } = failed;
  if (error instanceof JackfieldError)
    return "sent" in error.members
      ? error
      : new JackfieldError(error.code, {
          detail: error.message,
          hint: error.hint,
          members: { ...error.members, sent },
          cause: error,
        });
  const name = codeOf(error);
  const [code, detail] = rowOf(name);
  return new JackfieldError(code, { detail: detail(failed, name), members: { sent }, cause: withoutData(error) });
}
