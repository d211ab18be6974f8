import { JackfieldError } from "../../errors.ts";
import type { Runtime } from "../../runtime.ts";
import type { ConnectionRecord } from "../record.ts";
import { redirectUri } from "../redirect-uri.ts";

/** What to do about an error, where the connection tells more than the code does. */
const hints: { readonly [code: string]: (runtime: Runtime, record: ConnectionRecord) => string } = {
  redirect_uri_mismatch: (runtime, record) => `Register exactly ${redirectUri(runtime, record.connector)} at the provider.`,
  client_refused: (_runtime, record) =>
    `Check client ID and client secret; are these the credentials of environment "${record.environment}"?`,
};

/** The error as the person who connects should read it. */
export function explain(runtime: Runtime, cause: JackfieldError, record: ConnectionRecord): JackfieldError {
  const hint = Object.hasOwn(hints, cause.code) ? hints[cause.code] : undefined;
  if (hint === undefined) return cause;
  const provider = cause.provider === undefined ? {} : { provider: cause.provider };
  return new JackfieldError(cause.code, { ...provider, detail: cause.message, hint: hint(runtime, record), cause });
}
