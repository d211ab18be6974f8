/** Who can do something about an error. */
export type Audience = "author" | "user" | "admin" | "provider" | "operator";

/**
 * Every error that leaves the engine or the server: code → HTTP status, who can act, what it means, what to do. A code is never
 * renamed and never reused. ERRORS.md is made from this table.
 */
export const errorTable = {
  // the request to us
  request_invalid: [400, "user", "The request does not fit this route.", "Compare it with /openapi.json."],
  not_found: [404, "user", "There is nothing here.", "Check the address."],
  method_not_allowed: [405, "user", "This route does not take that method.", "See the Allow header."],
  body_too_large: [413, "user", "The body is larger than this route takes.", "Send less."],
  unauthenticated: [
    401,
    "user",
    "No valid API key or session came with the request.",
    "Send `Authorization: Bearer <api key>` or sign in.",
  ],
  forbidden: [403, "admin", "This key's role may not do that.", "Use a key with another role, or ask an admin."],
  admin_required: [403, "admin", "Only an admin may do that.", "Ask an admin of the workspace."],
  origin_refused: [
    403,
    "user",
    "The request came from another site.",
    "Make it from a page of this deployment, or with an API key.",
  ],
  sign_in_link_invalid: [
    400,
    "user",
    "This sign-in link is unknown, used or expired.",
    "Start the server again, or sign in with an API key.",
  ],
  connect_session_invalid: [
    400,
    "user",
    "This link is unknown, or it has ended.",
    "Go back to where you came from, and ask for a new one.",
  ],
  connect_session_full: [
    409,
    "user",
    "This link has made as many connections as it may.",
    "Go back to where you came from, and ask for a new one.",
  ],
  // connectors and manifests
  connector_unknown: [404, "user", "There is no connector of that name.", "GET /v1/connectors lists them."],
  manifest_invalid: [422, "author", "The manifest has problems.", "Correct each of the listed problems."],
  auth_unknown: [422, "user", "The connector has no such way to connect.", "Choose one that GET /v1/connectors/{name} lists."],
  auth_version_missing: [
    409,
    "user",
    "The way to connect has changed, and what this connection was made with is not kept here any more.",
    "Reconnect it.",
  ],
  environment_unknown: [
    422,
    "user",
    "The connector has no such environment.",
    "Choose one that GET /v1/connectors/{name} lists.",
  ],
  action_unknown: [404, "user", "The connector has no such action.", "GET /v1/connectors/{name} lists its actions."],
  options_unknown: [
    404,
    "user",
    "The connector has no such drop-down.",
    "GET /v1/connectors/{name} names them as `options_from`.",
  ],
  action_of_other_auth: [
    422,
    "user",
    "The action does not work with this way to connect.",
    "Connect in another way that the action names.",
  ],
  expression_error: [
    422,
    "author",
    "An expression of the manifest failed.",
    "Correct the expression; the detail says which and why.",
  ],
  grant_unsupported: [
    501,
    "operator",
    "This version cannot carry out that way to connect yet.",
    "Choose another way to connect; the manifest may offer one.",
  ],
  grant_disabled: [
    403,
    "operator",
    "This deployment does not take people's passwords.",
    "Choose another way to connect, or set ALLOW_PASSWORD_GRANT=on.",
  ],
  assertion_key_invalid: [
    422,
    "admin",
    "The key for signing is missing or cannot be used.",
    "Save a private key (PEM) of the right kind with the app or the connection.",
  ],
  certificate_invalid: [
    422,
    "admin",
    "The client certificate or its private key is missing or cannot be used.",
    "Save both as PEM text; the key must be that of the certificate.",
  ],
  capture_missing: [
    502,
    "provider",
    "The provider's answer lacks a value that the connector needs.",
    "Sign in again; if it stays so, the manifest's `capture` is wrong.",
  ],
  capture_refused: [
    502,
    "author",
    "The provider's answer holds a value that the manifest does not allow.",
    "Compare the capture's `pattern` or `options` with what the provider documents.",
  ],
  choice_needed: [
    409,
    "user",
    "The account has several places to connect to, and one must be chosen.",
    "Choose one of the `choices`, as a field of that name, and connect again.",
  ],
  signature_invalid: [
    400,
    "provider",
    "The provider's signature over the callback is wrong.",
    "Start the sign-in again; save the app's secret again if it stays so.",
  ],
  metadata_lacking: [
    502,
    "author",
    "The provider's metadata does not offer what the manifest requires.",
    "Compare `issuer` with what the provider publishes, or require less.",
  ],
  // apps
  app_not_configured: [
    409,
    "admin",
    "The app's client ID and secret are not saved yet.",
    "Save them on the connector's set-up page.",
  ],
  app_in_use: [
    409,
    "admin",
    "Connections live by this app.",
    "Disconnect them first, or delete with `?force=true`: then they work until their tokens end.",
  ],
  registration_refused: [
    502,
    "admin",
    "The provider did not register this platform as a client.",
    "Register a client at the provider, and save it on the connector's set-up page.",
  ],
  app_not_used: [422, "admin", "This way to connect takes no app.", "Nothing needs to be saved."],
  whitespace_in_credential: [422, "user", "A credential begins or ends with white space.", "Paste it again without the space."],
  // fields and inputs
  field_required: [422, "user", "A required field is missing.", "Fill in the field that is named."],
  field_invalid: [422, "user", "A field's value does not fit.", "Correct the field that is named."],
  input_invalid: [422, "user", "An input's value does not fit.", "Correct the input that is named."],
  // connections
  connection_unknown: [404, "user", "There is no such connection.", "GET /v1/connections lists yours."],
  connection_revoked: [410, "user", "The connection was disconnected.", "Connect again."],
  connection_idle: [410, "user", "The connection was not used for too long and was disconnected.", "Connect again."],
  not_connected: [409, "user", "The connection is not connected yet.", "Finish connecting it first."],
  needs_reauth: [409, "user", "The connection must be authorized again.", "Press Reconnect."],
  in_use: [
    409,
    "user",
    "Workflows use the connection.",
    "Give the workflows another connection, or repeat the request with `?force=true`.",
  ],
  duplicate_connection: [409, "user", "This account is already connected.", "Use the connection that is named."],
  account_mismatch: [
    409,
    "user",
    "You signed in with another account than this connection's.",
    "Sign in with the same account, or make a new connection.",
  ],
  unique_id_missing: [
    502,
    "author",
    "The provider's answer holds no unique id.",
    "Ask the connector's author to correct `unique_id`.",
  ],
  no_user_step: [409, "user", "This way to connect needs no sign-in at the provider.", "Give the fields instead."],
  fields_need_sign_in: [
    409,
    "user",
    "The fields of a signed-in connection change only with a new sign-in.",
    "Send `fields` with POST /v1/connections/{id}/authorize.",
  ],
  // authorize and callback
  state_invalid: [400, "user", "This sign-in is unknown, expired or was already finished.", "Press Connect again."],
  callback_invalid: [400, "provider", "The provider's callback is not well formed.", "Press Connect again."],
  issuer_mismatch: [
    400,
    "provider",
    "The callback came from another authorization server.",
    "Press Connect again; if it happens again, tell the admin.",
  ],
  access_denied: [403, "user", "You did not give access.", "Press Connect again if you meant to."],
  authorization_failed: [
    502,
    "admin",
    "The provider refused the sign-in.",
    "Read the provider's words; check client ID and scopes.",
  ],
  // tokens
  grant_refused: [502, "user", "The provider refused to hand out a token.", "Press Connect again."],
  token_request_refused: [
    502,
    "author",
    "The provider refused the token request itself.",
    "Compare the manifest's token request with the provider's documentation, and the app's settings at the provider.",
  ],
  code_expired: [400, "user", "The sign-in code had expired or was used twice.", "Please connect again."],
  client_refused: [
    502,
    "admin",
    "The provider refused the app's client ID or secret.",
    "Check client ID, client secret and environment.",
  ],
  redirect_uri_mismatch: [
    502,
    "admin",
    "The provider does not know our redirect URL.",
    "Register exactly the URL that the set-up page shows.",
  ],
  scope_refused: [502, "author", "The provider refused the scopes.", "Check the scopes at the provider and in the manifest."],
  no_refresh_token: [
    502,
    "author",
    "The provider gave no refresh token.",
    "Ask for offline access: by `authorization.params`, often `access_type=offline` with `prompt=consent`, or by a scope such as `offline_access`.",
  ],
  refresh_answer_lost: [
    409,
    "user",
    "The provider's answer to the last refresh was lost, and it takes each refresh token only once.",
    "Press Reconnect. What works now goes on working until its access token ends.",
  ],
  refresh_too_soon: [409, "provider", "The provider does not replace this token yet.", "Try again after the given time."],
  not_renewable: [409, "user", "This connection cannot be refreshed.", "Press Reconnect."],
  token_answer_invalid: [
    502,
    "provider",
    "The token endpoint's answer could not be read.",
    "Try again; if it stays, tell the connector's author.",
  ],
  token_type_unsupported: [
    502,
    "author",
    "The provider answered with a kind of token that cannot be sent.",
    "Say with `apply` how it is sent, or with `token.response.token_type` what it is.",
  ],
  id_token_invalid: [
    502,
    "provider",
    "The provider's id token is not valid.",
    "Press Connect again; if it happens again, tell the admin.",
  ],
  // test
  credentials_invalid: [422, "user", "The provider refused the credential.", "Check it and connect again."],
  test_unreachable: [502, "provider", "The provider could not be reached to test the credential.", "Try again later."],
  // steps
  url_not_whitelisted: [
    403,
    "author",
    "The URL is not on the connector's whitelist.",
    "Call only URLs that the whitelist covers.",
  ],
  address_refused: [
    403,
    "operator",
    "The URL leads to a private address.",
    "An operator can allow it with ALLOW_PRIVATE_NETWORKS.",
  ],
  url_invalid: [422, "user", "The URL is not acceptable.", "Correct the path or the field it is made from."],
  header_refused: [422, "user", "A header may not be set here.", "Leave it out."],
  provider_refused: [502, "user", "The provider refused the request.", "Read the provider's words."],
  provider_unauthorized: [502, "user", "The provider refused the credential.", "Test the connection, then reconnect it."],
  provider_permission: [
    502,
    "user",
    "The provider says that this account may not do that.",
    "Use an account with the permission.",
  ],
  provider_rate_limited: [429, "provider", "The provider asks to slow down.", "Try again after the given time."],
  provider_not_found: [502, "user", "The provider knows no such thing.", "Check the inputs."],
  provider_unavailable: [502, "provider", "The provider did not answer properly.", "Try again later."],
  provider_timeout: [504, "provider", "The provider did not answer in time.", "Try again later."],
  provider_answer_too_large: [502, "provider", "The provider's answer is larger than the limit.", "Ask for less."],
  step_timeout: [
    504,
    "user",
    "The step did not end in the time that it was given.",
    "Give it more with Request-Timeout, or ask for less. `sent` tells whether the provider may have done it.",
  ],
  step_running: [
    409,
    "user",
    "The first request with this Idempotency-Key is still running.",
    "Repeat this request after the given time: it gets the first one's answer.",
  ],
  step_interrupted: [
    409,
    "user",
    "The first run with this Idempotency-Key was cut off, and the provider may have done what it asked.",
    "Look whether it was done; if it was not, run the step with another key.",
  ],
  step_answer_not_kept: [
    409,
    "user",
    "The step was run with this Idempotency-Key before, and its answer was too large to keep.",
    "Ask for what it made by another action; it is not done again.",
  ],
  idempotency_key_reused: [
    422,
    "user",
    "This Idempotency-Key was used with another action or another input.",
    "Give each step a key of its own, and repeat it with the same body.",
  ],
  file_unknown: [404, "user", "There is no such file, or it has expired.", "Upload it again with POST /v1/files."],
  files_full: [
    409,
    "user",
    "The files of this workspace take as much room as they may.",
    "Delete some with DELETE /v1/files/{id}, or wait until they expire.",
  ],
  connection_busy: [
    429,
    "user",
    "Too many steps run through this connection at once.",
    "Try again after the given time, or run fewer at once.",
  ],
  body_not_repeatable: [
    502,
    "provider",
    "The provider wants a body again that was streamed, and so is gone.",
    "Call the redirect's target directly, or send a body of at most 1 MiB.",
  ],
  upgrade_refused: [501, "user", "A connection cannot be turned into another protocol here.", "Call the provider over HTTP."],
  caller_gone: [499, "user", "The caller went away before the answer was complete.", "Send the request again."],
  egress_proxy_failed: [
    502,
    "operator",
    "The egress proxy does not connect to the provider.",
    "Check EGRESS_PROXY, and what the proxy lets pass.",
  ],
  scope_missing: [409, "user", "The account did not grant a scope that this action needs.", "Reconnect and grant it."],
  // event endpoints
  endpoint_unknown: [404, "admin", "There is no such event endpoint.", "GET /v1/event_endpoints lists them."],
  // ourselves
  seal_broken: [500, "operator", "A sealed record cannot be opened.", "Check MASTER_KEYS; the record may have been altered."],
  store_unavailable: [503, "operator", "The store does not answer.", "Try again shortly."],
  stopping: [503, "operator", "The server is stopping.", "Try again shortly."],
  internal: [500, "operator", "Something went wrong on our side.", "Tell the operator the request id."],
} as const satisfies Record<string, readonly [status: number, audience: Audience, message: string, hint: string]>;

export type ErrorCode = keyof typeof errorTable;

/** What a provider said, word for word but redacted and cut. */
export interface ProviderWords {
  readonly status?: number;
  readonly error?: string;
  readonly error_description?: string;
  readonly error_uri?: string;
}

export interface ErrorDetails {
  /** What is wrong here, beyond the table's message. Never a secret. */
  readonly detail?: string;
  readonly hint?: string;
  readonly provider?: ProviderWords;
  /** Further members of the problem document, such as `field` or `connection`. */
  readonly members?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
  /** Milliseconds after which trying again makes sense. */
  readonly retry_after?: number;
}

/** The one error class: a code of `errorTable` and what is known of this case. */
export class JackfieldError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly audience: Audience;
  readonly hint: string;
  readonly provider: ProviderWords | undefined;
  readonly members: Readonly<Record<string, unknown>>;
  readonly retryAfter: number | undefined;

  constructor(code: ErrorCode, details: ErrorDetails = {}) {
    const [status, audience, message, hint] = errorTable[code];
    super(details.detail ?? message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = "JackfieldError";
    this.code = code;
    this.status = status;
    this.audience = audience;
    this.hint = details.hint ?? hint;
    this.provider = details.provider;
    this.members = details.members ?? {};
    this.retryAfter = details.retry_after;
  }
}
