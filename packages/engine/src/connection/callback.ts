/** What a provider says at the redirect URL. Everything in it is untrusted. */
export interface Callback {
  readonly state: string | undefined;
  readonly code: string | undefined;
  readonly iss: string | undefined;
  readonly error: string | undefined;
  readonly error_description: string | undefined;
  readonly error_uri: string | undefined;
  /** Parameters given more than once, which RFC 6749 §3.1 forbids. */
  readonly repeated: readonly string[];
}

const known = ["state", "code", "iss", "error", "error_description", "error_uri"] as const;
const maxLength = 8192;

/** Reads the raw query; a list (`code[]=…`) is another parameter, not a code. Too long values count as absent. */
export function readCallback(query: string): Callback {
  const params = new URLSearchParams(query);
  const read = (name: (typeof known)[number]): string | undefined => {
    const [value] = params.getAll(name);
    return value === undefined || value === "" || value.length > maxLength ? undefined : value;
  };
  return {
    state: read("state"),
    code: read("code"),
    iss: read("iss"),
    error: read("error"),
    error_description: read("error_description")?.slice(0, 2000),
    error_uri: read("error_uri")?.slice(0, 2000),
    repeated: known.filter((name) => params.getAll(name).length > 1),
  };
}
