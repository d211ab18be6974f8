import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterwards, temporary } from "./cleanup.ts";
import { type Answer, type Sent, send } from "./http.ts";
import { shapeOf } from "./shape.ts";
import { until } from "./wait.ts";

export interface Options {
  /** Folder name → text of its connector.yaml. */
  readonly connectors?: Readonly<Record<string, string>>;
  /** A folder with connectors, to which those are added. */
  readonly connectorsDir?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly dataDir?: string;
  /** What it does; default: both. */
  readonly role?: "server" | "worker";
}

/** A fleet's processes that start at once on a busy machine take their time. */
const slowStart = { timeout: 240_000 };

export const icon = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><circle cx="8" cy="8" r="7"/></svg>\n';

/** Writes a connector's folder. */
export function writeConnector(folder: string, name: string, manifest: string): void {
  mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(join(folder, name, "connector.yaml"), manifest);
  writeFileSync(join(folder, name, "icon.svg"), icon);
}

/** The built product in a process of its own, with its own data. */
export class Product {
  readonly dataDir: string;
  readonly connectorsDir: string;
  readonly #env: Readonly<Record<string, string>>;
  readonly #role: Options["role"];
  #child: ChildProcess | undefined;
  #output = "";
  #port = "0";
  /** What the first start printed. */
  adminKey = "";
  /** What the last start printed. */
  signInLink = "";
  url = "";

  constructor(options: Options) {
    this.dataDir = options.dataDir ?? join(temporary(), "data");
    this.connectorsDir = options.connectorsDir ?? temporary();
    this.#env = { ...shapeOf(this.dataDir), ...options.env };
    this.#role = options.role;
    for (const [name, manifest] of Object.entries(options.connectors ?? {})) writeConnector(this.connectorsDir, name, manifest);
  }

  /** Everything that was ever printed by any of the processes. */
  get output(): string {
    return this.#output;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get running(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Starts a process; a later start takes the port of the first. Gives what this start printed until it was ready. */
  async start(): Promise<string> {
    const from = this.#output.length;
    const child = spawn(process.execPath, [join(process.cwd(), "packages/cli/bin/jackfield.js"), "start", ...this.#flags], {
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        PATH: process.env.PATH,
        HOME: this.dataDir,
        HOST: "127.0.0.1",
        PORT: this.#port,
        DATA_DIR: this.dataDir,
        CONNECTORS_DIR: this.connectorsDir,
        ALLOW_PRIVATE_NETWORKS: "127.0.0.1/32,::1/128",
        LOG_LEVEL: "debug",
        ...this.#env,
      },
    });
    this.#child = child;
    const hear = (chunk: Buffer) => {
      this.#output += chunk.toString("utf8");
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    const printed = () => this.#output.slice(from);
    const address = await until(
      "the product's address",
      () => {
        if (!this.running) throw new Error(`the product did not start:\n${printed()}`);
        return /^ *Address +(\S+)$/m.exec(printed())?.[1];
      },
      slowStart,
    );
    // Of several behind one public URL each has a port of its own.
    const port = this.#role === undefined ? undefined : /"port":(\d+),"msg":"listening"/.exec(printed())?.[1];
    this.url = port === undefined ? address : `http://localhost:${port}`;
    this.#port = new URL(this.url).port;
    await until(
      "the product to be ready",
      async () => {
        if (!this.running) throw new Error(`the product ended while it started:\n${printed()}`);
        return (await send(`${this.url}/readyz`, { timeout: 5000 }).catch(() => undefined))?.status === 200;
      },
      slowStart,
    );
    this.adminKey ||= /Admin key +(\S+)/.exec(printed())?.[1] ?? "";
    this.signInLink = /https?:\/\/\S*sign-in\S*/.exec(printed())?.[0] ?? "";
    return printed();
  }

  get #flags(): string[] {
    return this.#role === undefined ? [] : [`--${this.#role}`];
  }

  /** A further process of the same deployment, not started yet: it has this one's store, queue, keys and connectors. */
  peer(options: Pick<Options, "env" | "role"> = {}): Product {
    const peer = new Product({
      ...options,
      connectorsDir: this.connectorsDir,
      env: { PUBLIC_URL: this.url, ...this.#env, ...options.env },
    });
    peer.adminKey = this.adminKey;
    afterwards(() => peer.end("SIGKILL"));
    return peer;
  }

  /** Ends the process with a signal and waits until it is gone; gives its exit code. */
  async end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child;
    if (!child || !this.running) return child?.exitCode ?? null;
    const gone = new Promise<number | null>((resolve) => child.once("close", (code) => resolve(code)));
    child.kill(signal);
    return gone;
  }

  /** Sends a request to the API with the admin's key, or with another, or with none. */
  async send(
    method: string,
    path: string,
    body?: unknown,
    options: Sent & { readonly key?: string | null } = {},
  ): Promise<Answer> {
    const { key = this.adminKey, ...sent } = options;
    const text = body === undefined || typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body);
    const type = text === undefined ? {} : { "content-type": "application/json" };
    return send(`${this.url}${path}`, {
      ...sent,
      method,
      body: text,
      headers: { ...type, ...(key === null ? {} : { authorization: `Bearer ${key}` }), ...sent.headers },
    });
  }

  get(path: string): Promise<Answer> {
    return this.send("GET", path);
  }

  post(path: string, body: unknown = {}): Promise<Answer> {
    return this.send("POST", path, body);
  }

  put(path: string, body: unknown): Promise<Answer> {
    return this.send("PUT", path, body);
  }
}

/** Starts the product; it goes away with the test file. */
export async function startProduct(options: Options = {}): Promise<Product> {
  const product = new Product(options);
  afterwards(() => product.end("SIGKILL"));
  await product.start();
  return product;
}
