import { resolve } from "node:path";
import {
  egressProxy,
  httpUrl,
  list,
  masterKeys,
  mongodbUrl,
  network,
  oneOf,
  onOrOff,
  origin,
  redisUrl,
  Unusable,
  visibleText,
  wholeNumber,
} from "./config-values.ts";

/*
 * The environment is read here and in main.ts, nowhere else. Everything that is wrong with it is told at once, each problem with the
 * variable's name and its cure. `variables` is the only list of what can be set; the documentation is made from it.
 */

export const logLevels = ["debug", "info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

/** What a process of a deployment does: it answers requests (`server`), it does what is due (`worker`), or both. */
export type ProcessRole = "both" | "server" | "worker";

export interface MasterKey {
  readonly id: string;
  readonly key: Buffer;
}

export interface Config {
  /** From the command line, not from the environment. */
  readonly role: ProcessRole;
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** An origin without a trailing slash; undefined: http://localhost and the port that is listened on. */
  readonly publicUrl: string | undefined;
  readonly dataDir: string;
  readonly connectorsDir: string | undefined;
  /** undefined: the embedded store in the data folder. It may hold a password. */
  readonly mongodbUrl: string | undefined;
  /** undefined: the queue is in the process. It may hold a password. */
  readonly redisUrl: string | undefined;
  /** Seconds. */
  readonly startTimeout: number;
  /** The first is the active one; undefined: the file `keys` in the data folder. */
  readonly masterKeys: readonly MasterKey[] | undefined;
  readonly adminApiKey: string | undefined;
  readonly allowPrivateNetworks: readonly string[];
  /** undefined: requests go out directly. It may hold a password. */
  readonly egressProxy: string | undefined;
  /** Whether people's passwords may be spent for tokens (OAuth 2.0's grant `password`). */
  readonly allowPasswordGrant: boolean;
  /** undefined: on when the public URL is this machine. */
  readonly sandbox: boolean | undefined;
  readonly logLevel: LogLevel;
  readonly eventRetentionDays: number;
  /** Seconds. */
  readonly tokenTimeout: number;
  /** Whether /metrics is anybody's; undefined: when the public URL is this machine and there is no token. */
  readonly metricsOpen: boolean | undefined;
  readonly metricsToken: string | undefined;
  /** Where spans are sent (OTLP over HTTP); undefined: none are made. */
  readonly otlpEndpoint: string | undefined;
  readonly otlpTracesEndpoint: string | undefined;
  /** Seconds; undefined: as long as the provider says. */
  readonly maxTokenAge: number | undefined;
  /** undefined: for ever. */
  readonly maxIdleDays: number | undefined;
  /** What is odd but no reason to refuse. */
  readonly warnings: readonly string[];
}

/** Thrown by `readConfig`: every problem of the environment, one per line. */
export class ConfigError extends Error {
  readonly problems: readonly string[];
  constructor(problems: readonly string[], options?: ErrorOptions) {
    super(
      `The configuration has ${problems.length === 1 ? "a problem" : `${problems.length} problems`}:\n  ${problems.join("\n  ")}`,
      options,
    );
    this.name = "ConfigError";
    this.problems = problems;
  }
}

interface Variable<T> {
  readonly name: string;
  /** As the documentation says it. */
  readonly default: string;
  readonly description: string;
  /** Gives the value of the text, or of undefined when the variable is unset or empty. Throws `Unusable`. */
  read(text: string | undefined): T;
}

type Values = Omit<Config, "warnings" | "role">;

/** Every variable that is understood. */
export const variables: { readonly [Key in keyof Values]: Variable<Values[Key]> } = {
  host: {
    name: "HOST",
    default: "127.0.0.1",
    description: "The address to listen on. 0.0.0.0 listens on all; put a proxy that speaks TLS in front.",
    read: (text) => text ?? "127.0.0.1",
  },
  port: {
    name: "PORT",
    default: "3000",
    description: "The port to listen on. 0 takes any free port.",
    read: (text) => wholeNumber(text ?? "3000", 0, 65535),
  },
  publicUrl: {
    name: "PUBLIC_URL",
    default: "http://localhost:PORT",
    description: "Where browsers and providers reach this deployment: an origin such as https://connect.example.com.",
    read: (text) => (text === undefined ? undefined : origin(text)),
  },
  dataDir: {
    name: "DATA_DIR",
    default: "./data",
    description:
      "The folder of the embedded store and, unless MASTER_KEYS is set, of the master key. One process at a time. With MONGODB_URL it holds only what is still to be stored.",
    read: (text) => resolve(text ?? "./data"),
  },
  connectorsDir: {
    name: "CONNECTORS_DIR",
    default: "",
    description: "A folder of your own connectors (each `<name>/connector.yaml`), added to the built-in ones.",
    read: (text) => (text === undefined ? undefined : resolve(text)),
  },
  mongodbUrl: {
    name: "MONGODB_URL",
    default: "the embedded store in DATA_DIR",
    description:
      "A MongoDB, or a compatible server, that any number of processes share as their store: mongodb://USER:PASSWORD@HOST:PORT/DATABASE. " +
      "The database is jackfield unless it is named. MASTER_KEYS must be set with it.",
    read: (text) => (text === undefined ? undefined : mongodbUrl(text)),
  },
  redisUrl: {
    name: "REDIS_URL",
    default: "the queue is in the process",
    description:
      "A Redis whose queue all processes share: redis://USER:PASSWORD@HOST:PORT, or rediss:// for TLS. A node of a cluster will do. " +
      "MONGODB_URL must be set with it.",
    read: (text) => (text === undefined ? undefined : redisUrl(text)),
  },
  startTimeout: {
    name: "START_TIMEOUT",
    default: "120",
    description: "How many seconds the start waits for MongoDB and Redis before it gives up.",
    read: (text) => wholeNumber(text ?? "120", 1, 86_400),
  },
  masterKeys: {
    name: "MASTER_KEYS",
    default: "generated into DATA_DIR/keys",
    description:
      "The keys that secrets are sealed with: `id:base64` of 32 bytes, several with commas; the first is the active one.",
    read: (text) => (text === undefined ? undefined : masterKeys(text)),
  },
  adminApiKey: {
    name: "ADMIN_API_KEY",
    default: "generated and printed at the first start",
    description: "Fixes the first admin's API key. At least 8 visible characters; `openssl rand -base64 32` makes a good one.",
    read: (text) => (text === undefined ? undefined : visibleText(text)),
  },
  allowPrivateNetworks: {
    name: "ALLOW_PRIVATE_NETWORKS",
    default: "",
    description:
      "Networks (CIDR, with commas) that steps and token calls may reach although they are private, also in plain http. " +
      "For development and tests.",
    read: (text) => list(text).map(network),
  },
  egressProxy: {
    name: "EGRESS_PROXY",
    default: "requests go out directly",
    description:
      "A proxy that all requests to providers go through: http://USER:PASSWORD@HOST:PORT, or https:// for TLS. It must take CONNECT. " +
      "What ALLOW_PRIVATE_NETWORKS names is reached directly. HTTP_PROXY and its like have no effect.",
    read: (text) => (text === undefined ? undefined : egressProxy(text)),
  },
  allowPasswordGrant: {
    name: "ALLOW_PASSWORD_GRANT",
    default: "on",
    description:
      "Whether connectors may ask for a person's password and spend it for a token (OAuth 2.0's grant `password`): on or off.",
    read: (text) => (text === undefined ? true : onOrOff(text)),
  },
  sandbox: {
    name: "SANDBOX",
    default: "on when PUBLIC_URL is localhost",
    description: "Whether the demonstration provider runs under /sandbox: on or off.",
    read: (text) => (text === undefined ? undefined : onOrOff(text)),
  },
  logLevel: {
    name: "LOG_LEVEL",
    default: "info",
    description: `How much is logged: ${logLevels.join(", ")}.`,
    read: (text) => oneOf(logLevels, text ?? "info"),
  },
  eventRetentionDays: {
    name: "EVENT_RETENTION_DAYS",
    default: "90",
    description: "How many days events, deliveries to event endpoints and, at least 30, the usage of connections are kept.",
    read: (text) => wholeNumber(text ?? "90", 1, 36500),
  },
  tokenTimeout: {
    name: "TOKEN_TIMEOUT",
    default: "30",
    description:
      "How many seconds the answer of a token endpoint is waited for; four times as long where the request cannot be repeated.",
    read: (text) => wholeNumber(text ?? "30", 1, 300),
  },
  metricsOpen: {
    name: "METRICS_OPEN",
    default: "on when PUBLIC_URL is localhost and METRICS_TOKEN is unset",
    description: "Whether anybody who reaches this process may read /metrics without a key: on or off.",
    read: (text) => (text === undefined ? undefined : onOrOff(text)),
  },
  metricsToken: {
    name: "METRICS_TOKEN",
    default: "",
    description: "What a scraper sends as a bearer token to read /metrics, and nothing else. An admin's API key may read it too.",
    read: (text) => (text === undefined ? undefined : visibleText(text)),
  },
  otlpEndpoint: {
    name: "OTEL_EXPORTER_OTLP_ENDPOINT",
    default: "",
    description: "Switches traces on: the base URL of a collector that takes OTLP over HTTP, such as http://localhost:4318.",
    read: (text) => (text === undefined ? undefined : httpUrl(text)),
  },
  otlpTracesEndpoint: {
    name: "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    default: "OTEL_EXPORTER_OTLP_ENDPOINT/v1/traces",
    description: "The same as a whole URL, for a collector that takes traces somewhere else.",
    read: (text) => (text === undefined ? undefined : httpUrl(text)),
  },
  maxTokenAge: {
    name: "MAX_TOKEN_AGE",
    default: "",
    description: "How many seconds a token is used at most, where it can be replaced, whatever the provider says of its life.",
    read: (text) => (text === undefined ? undefined : wholeNumber(text, 60, 999_999_999)),
  },
  maxIdleDays: {
    name: "MAX_IDLE_DAYS",
    default: "",
    description: "After how many days without use a connection is disconnected, also at the provider.",
    read: (text) => (text === undefined ? undefined : wholeNumber(text, 1, 36500)),
  },
};

const withoutEffect = ["STEP_LOG"] as const;

/** Where the stores are that a deployment may have. */
export type Stores = Pick<Config, "dataDir" | "mongodbUrl">;

/** Reads that part of the environment alone. Throws `ConfigError`. */
export function readStores({ DATA_DIR, MONGODB_URL }: NodeJS.ProcessEnv): Stores {
  const { dataDir } = readConfig({ DATA_DIR });
  try {
    return { dataDir, mongodbUrl: variables.mongodbUrl.read(MONGODB_URL?.trim() || undefined) };
  } catch (error) {
    if (!(error instanceof Unusable)) throw error;
    throw new ConfigError([`MONGODB_URL ${error.message}.`], { cause: error });
  }
}

/** Reads the environment of a process. Throws `ConfigError` with every problem. */
export function readConfig(env: NodeJS.ProcessEnv, role: ProcessRole = "both"): Config {
  const problems: string[] = [];
  const given = (name: string) => (env[name] === undefined || env[name].trim() === "" ? undefined : env[name].trim());

  const read = <T>(variable: Variable<T>): T | undefined => {
    try {
      return variable.read(given(variable.name));
    } catch (error) {
      if (!(error instanceof Unusable)) throw error;
      problems.push(`${variable.name} ${error.message}.`);
      return undefined;
    }
  };
  const values = Object.fromEntries(
    Object.entries(variables).map(([key, variable]) => [key, read(variable as Variable<unknown>)]),
  ) as unknown as Values;

  if (given("NODE_TLS_REJECT_UNAUTHORIZED") === "0") {
    problems.push(
      "NODE_TLS_REJECT_UNAUTHORIZED=0 switches off the check of certificates. Unset it; NODE_EXTRA_CA_CERTS adds a CA.",
    );
  }
  if (values.mongodbUrl !== undefined && given("MASTER_KEYS") === undefined) {
    problems.push(
      "MASTER_KEYS must be set with MONGODB_URL: a key that one process generates cannot open what another has sealed. " +
        "Make one with `openssl rand -base64 32` and give every process MASTER_KEYS=k1:KEY.",
    );
  }
  problems.push(...lacking(given, role));
  if (problems.length > 0) throw new ConfigError(problems);
  const ignored = withoutEffect.filter((name) => given(name) !== undefined);
  return Object.freeze({
    role,
    ...values,
    warnings: [...ignored.map((name) => `${name} has no effect yet.`), ...oddities(values)],
  });
}

/** What else must be set, for what is set. */
function lacking(given: (name: string) => string | undefined, role: ProcessRole): string[] {
  const isMissing = (name: string) => given(name) === undefined;
  const found: string[] = [];
  if (role === "both") {
    if (isMissing("REDIS_URL") || !isMissing("MONGODB_URL")) return [];
    return [
      "MONGODB_URL must be set with REDIS_URL: the embedded store is one process's own, so there is nobody to share the queue with. " +
        "Set it, or unset REDIS_URL.",
    ];
  }
  const missing = ["MONGODB_URL", "REDIS_URL"].filter(isMissing);
  if (missing.length > 0) {
    found.push(
      `${missing.join(" and ")} must be set for \`jackfield start --${role}\`: servers and workers share a store and a queue. ` +
        "Without them one process does everything: `jackfield start`.",
    );
  }
  if (role === "worker" && isMissing("PUBLIC_URL")) {
    found.push("PUBLIC_URL must be set for `jackfield start --worker`: it is that of the servers, which providers know.");
  }
  return found;
}

function oddities(values: Values): string[] {
  const found: string[] = [];
  const url = values.publicUrl === undefined ? undefined : new URL(values.publicUrl);
  if (url?.protocol === "http:" && !isLocal(url)) {
    found.push("PUBLIC_URL is plain http: keys and cookies travel unprotected, and most providers refuse such a redirect URL.");
  }
  if (values.adminApiKey !== undefined && values.adminApiKey.length < 24) {
    found.push("ADMIN_API_KEY is short and may be guessed: `openssl rand -base64 32` makes a good one.");
  }
  return found;
}

/** Whether a URL names the machine itself. */
export function isLocal(url: URL): boolean {
  return ["localhost", "127.0.0.1", "[::1]"].includes(url.hostname);
}
