import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readConfig } from "../src/config.ts";
import { type Server, startServer } from "../src/server.ts";
import { temporary } from "./temporary.ts";

/** The whole server in this process, with the real engine, the sandbox and data of its own. */
export interface Product {
  readonly server: Server;
  readonly url: string;
  readonly key: string;
  readonly log: readonly LogLine[];
  readonly dataDir: string;
  /** Sends a request with the admin's key, another or none; redirects are not followed. */
  send(method: string, path: string, options?: Sent): Promise<Answer>;
}

export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface Sent {
  readonly body?: unknown;
  readonly key?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of many shapes and assert what they find.
  readonly json: any;
}

const started: Server[] = [];

afterAll(async () => {
  for (const server of started.splice(0)) await server.close();
});

export async function startProduct(
  options: {
    readonly connectors?: Readonly<Record<string, string>>;
    readonly env?: Record<string, string>;
    readonly dataDir?: string;
    readonly clock?: () => number;
  } = {},
): Promise<Product> {
  const connectorsDir = temporary();
  for (const [name, text] of Object.entries(options.connectors ?? {})) {
    mkdirSync(join(connectorsDir, name));
    writeFileSync(join(connectorsDir, name, "connector.yaml"), text);
  }
  const key = "the-admins-own-key-0123456789";
  const dataDir = options.dataDir ?? join(temporary(), "data");
  const env = { PORT: "0", DATA_DIR: dataDir, CONNECTORS_DIR: connectorsDir, ADMIN_API_KEY: key, ...options.env };
  const log: LogLine[] = [];
  const write = (level: string, message: string, fields = {}) => void log.push({ level, message, fields });
  const server = await startServer(readConfig(env), write, options.clock);
  started.push(server);
  return {
    server,
    url: server.url,
    key,
    log,
    dataDir,
    send: (method, path, sent = {}) => send(server.url + path, method, { key, ...sent }),
  };
}

async function send(url: string, method: string, { body, key, headers }: Sent): Promise<Answer> {
  const text = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
  const answer = await fetch(url, {
    method,
    redirect: "manual",
    headers: {
      ...(text === undefined ? {} : { "content-type": "application/json" }),
      ...(key === null || key === undefined ? {} : { authorization: `Bearer ${key}` }),
      ...headers,
    },
    ...(text === undefined ? {} : { body: text }),
  });
  const answered = await answer.text();
  return {
    status: answer.status,
    headers: answer.headers,
    text: answered,
    get json() {
      return JSON.parse(answered);
    },
  };
}

/** A browser's cookies for one origin. */
export class Jar {
  readonly #cookies = new Map<string, string>();
  /** The `Set-Cookie` lines as they came. */
  readonly lines: string[] = [];

  get header(): string {
    return [...this.#cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  }

  keep(answer: Answer): Answer {
    for (const line of answer.headers.getSetCookie()) {
      this.lines.push(line);
      const [pair = ""] = line.split(";");
      const at = pair.indexOf("=");
      if (/max-age=0/i.test(line)) this.#cookies.delete(pair.slice(0, at));
      else this.#cookies.set(pair.slice(0, at), pair.slice(at + 1));
    }
    return answer;
  }

  get(name: string): string | undefined {
    return this.#cookies.get(name);
  }
}

/** A connector that gets everything from the sandbox, under a name of its own. */
export const sandboxManifest = (name: string, more = "") => `manifest: 1
name: ${name}
title: ${name}
base_url: "{{ platform.sandbox_url }}/api"
auth:
  oauth:
    type: oauth2
    grant: authorization_code
    scopes: { required: [{ name: profile, reason: Read the name. }, { name: files.read, reason: Read files. }] }
    authorization: { url: "{{ platform.sandbox_url }}/authorize" }
    token: { url: "{{ platform.sandbox_url }}/token" }
    test: { request: { path: /me } }
    label: "{{ me.name }}"
    unique_id: me.id
${more}actions:
  list_files: { title: List files, request: { path: /files }, output: body.files }
`;

/** A connector without any need of the sandbox. */
export const keyManifest = (name: string) => `manifest: 1
name: ${name}
title: ${name}
base_url: https://api.${name}.example
auth:
  key:
    type: api_key
    apply: { in: header, name: X-Api-Key, value: "{{ fields.api_key }}" }
    test: { request: { path: /me } }
    label: "{{ me.name }}"
    unique_id: me.id
`;
