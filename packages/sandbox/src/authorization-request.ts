import { repeated } from "./parameters.ts";
import { parseScope, type Scope } from "./scopes.ts";

/** What is known of the one client. */
export interface Client {
  readonly issuer: string;
  readonly clientId: string;
  /** Redirect URLs begin with this and end with a connector's name. */
  readonly callbacks: string;
}

export interface AuthorizationRequest {
  readonly redirectUri: string;
  readonly state: string | null;
  readonly challenge: string;
  readonly scope: readonly Scope[];
}

export type Judgement =
  /** Told to the person on a page: the redirect URL cannot be trusted (RFC 6749 §4.1.2.1). */
  | { readonly kind: "refused"; readonly reason: string }
  /** Told to the client through the redirect URL. */
  | { readonly kind: "error"; readonly location: string }
  | { readonly kind: "request"; readonly request: AuthorizationRequest };

export function judge(query: URLSearchParams, client: Client): Judgement {
  if (query.getAll("client_id").length !== 1 || query.get("client_id") !== client.clientId) {
    return { kind: "refused", reason: "The app that sent you here is not registered: its client_id is missing or unknown." };
  }
  const redirectUri = query.get("redirect_uri");
  if (redirectUri === null || query.getAll("redirect_uri").length !== 1 || !isRegistered(redirectUri, client.callbacks)) {
    return {
      kind: "refused",
      reason: "The app that sent you here asks to be answered at a redirect_uri that is not registered.",
    };
  }
  const state = query.get("state");
  const fault = faultOf(query);
  if (fault !== undefined) {
    return {
      kind: "error",
      location: answerUrl(client, { redirectUri, state }, { error: fault[0], error_description: fault[1] }),
    };
  }
  const scope = parseScope(query.get("scope") ?? "") ?? [];
  return {
    kind: "request",
    request: {
      redirectUri,
      state,
      challenge: query.get("code_challenge") ?? "",
      scope: scope.length > 0 ? scope : ["profile"],
    },
  };
}

/** The redirect URL with an answer; `iss` says who answers (RFC 9207). */
export function answerUrl(
  client: Client,
  request: Pick<AuthorizationRequest, "redirectUri" | "state">,
  answer: Readonly<Record<string, string>>,
): string {
  const url = new URL(request.redirectUri);
  for (const [name, value] of Object.entries(answer)) url.searchParams.set(name, value);
  if (request.state !== null) url.searchParams.set("state", request.state);
  url.searchParams.set("iss", client.issuer);
  return url.href;
}

function isRegistered(redirectUri: string, callbacks: string): boolean {
  // The text itself is compared, before any parser could read it in its own way.
  return redirectUri.startsWith(callbacks) && /^[a-z0-9-]{1,64}$/.test(redirectUri.slice(callbacks.length));
}

function faultOf(query: URLSearchParams): readonly [error: string, description: string] | undefined {
  const twice = repeated(query);
  if (twice !== undefined) return ["invalid_request", "A parameter stands there more than once."];
  if (query.get("response_type") !== "code") return ["unsupported_response_type", "Only response_type=code is supported."];
  if (query.get("code_challenge_method") !== "S256" || !/^[A-Za-z0-9_-]{43}$/.test(query.get("code_challenge") ?? "")) {
    return ["invalid_request", "PKCE is required: a code_challenge with code_challenge_method=S256."];
  }
  if (parseScope(query.get("scope") ?? "") === undefined) return ["invalid_scope", "A scope is unknown."];
  if ((query.get("state") ?? "").length > 2048) return ["invalid_request", "The state is too long."];
  return undefined;
}
