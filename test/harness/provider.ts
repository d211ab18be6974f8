import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterwards } from "./cleanup.ts";
import { send } from "./http.ts";

/** What `test/provider/oidc.mjs` has seen. */
export interface Seen {
  readonly at: number;
  readonly method: string;
  readonly path: string;
  readonly target: string;
  readonly query: Readonly<Record<string, string>>;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: string;
  readonly status?: number;
}

export interface Client {
  readonly client_id: string;
  readonly client_secret: string;
  readonly token_endpoint_auth_method: "client_secret_basic" | "client_secret_post";
  readonly redirect_uris: readonly string[];
  readonly grant_types?: readonly string[];
  readonly response_types?: readonly string[];
}

export type GrantType = "authorization_code" | "refresh_token" | "client_credentials" | typeof deviceGrant;

export const deviceGrant = "urn:ietf:params:oauth:grant-type:device_code";

export interface Provider {
  readonly issuer: string;
  /** Changes switches; their names and meanings stand in `test/provider/oidc.mjs`. */
  set(switches: Readonly<Record<string, unknown>>): Promise<void>;
  /** All switches as they were at first, and an empty log. */
  reset(): Promise<void>;
  /** Empties the log. */
  forget(): Promise<void>;
  client(client: Client): Promise<void>;
  apiKey(key: string): Promise<void>;
  log(path?: string): Promise<readonly Seen[]>;
  /** The bodies of token requests, parsed, of one grant type or all. */
  tokenRequests(grantType?: GrantType): Promise<readonly URLSearchParams[]>;
  issued(): Promise<Readonly<Record<"access_tokens" | "refresh_tokens" | "codes" | "device_codes" | "client_secrets", string[]>>>;
  /** All access tokens stop to work; refresh tokens stay. */
  invalidate(): Promise<void>;
  /** All grants are withdrawn. */
  revoke(): Promise<void>;
}

/** Starts one of the servers of `test/provider` in a process of its own; it prints its issuer as a line of JSON. */
export async function startServer(file: string): Promise<string> {
  const child = spawn(process.execPath, [join(process.cwd(), "test/provider", file)], {
    stdio: ["pipe", "pipe", "pipe"],
    env: { PATH: process.env.PATH },
  });
  let complaints = "";
  child.stderr.on("data", (chunk) => {
    complaints += chunk;
  });
  afterwards(async () => {
    if (child.exitCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  });
  const line = await new Promise<string>((resolve, reject) => {
    createInterface(child.stdout).once("line", resolve);
    child.once("exit", () => reject(new Error(`${file} did not start:\n${complaints}`)));
  });
  return (JSON.parse(line) as { issuer: string }).issuer;
}

/** Starts the authorization server with its API in a process of its own. */
export async function startProvider(): Promise<Provider> {
  const issuer = await startServer("oidc.mjs");
  const control = async (method: string, path: string, body?: unknown) => {
    const answer = await send(`${issuer}/control/${path}`, {
      method,
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    if (answer.status !== 200) throw new Error(`control ${path}: ${answer.status} ${answer.text}`);
    return answer.json;
  };
  const log = async (path?: string): Promise<readonly Seen[]> => {
    const all: readonly Seen[] = await control("GET", "log");
    return path === undefined ? all : all.filter((seen) => seen.path === path);
  };
  return {
    issuer,
    log,
    set: (switches) => control("POST", "set", switches),
    reset: () => control("POST", "reset", {}),
    forget: () => control("POST", "forget", {}),
    client: (client) => control("POST", "client", { grant_types: ["authorization_code", "refresh_token"], ...client }),
    apiKey: (key) => control("POST", "api-key", { key }),
    async tokenRequests(grantType) {
      const bodies = (await log("/token")).map((seen) => new URLSearchParams(seen.body));
      return grantType ? bodies.filter((body) => body.get("grant_type") === grantType) : bodies;
    },
    issued: () => control("GET", "issued"),
    invalidate: () => control("POST", "invalidate", {}),
    revoke: () => control("POST", "revoke", {}),
  };
}
