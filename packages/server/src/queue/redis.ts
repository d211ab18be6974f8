import { Cluster, Redis, type RedisOptions } from "ioredis";

/** What a Redis told about itself. */
export interface RedisFacts {
  readonly version: string;
  readonly cluster: boolean;
  /** What it does when its memory is full: only `noeviction` loses no jobs. */
  readonly evictionPolicy: string;
}

/** An address to show: never with the user or the password. */
export function redisAddress(url: string): string {
  const { hostname, port } = new URL(url);
  return `${hostname}:${port || "6379"}`;
}

/** Asks a Redis once. Rejects where it does not answer within two seconds, or does not let us in: see `isRefusal`. */
export async function askRedis(url: string): Promise<RedisFacts> {
  let failure: Error | undefined;
  const redis = new Redis(url, {
    lazyConnect: true,
    connectTimeout: 2_000,
    commandTimeout: 2_000,
    enableReadyCheck: false,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
  });
  // A refused password is told by an event alone.
  redis.on("error", (error: Error) => {
    failure ??= error;
  });
  try {
    await redis.connect();
    return factsOf(await redis.info());
  } catch (error) {
    throw failure ?? error;
  } finally {
    redis.disconnect();
  }
}

/** Whether waiting is no help: the Redis is there, and does not let us in. */
export function isRefusal(error: unknown): boolean {
  return error instanceof Error && /^(WRONGPASS|NOAUTH|NOPERM)\b|without any password configured/.test(error.message);
}

function factsOf(info: string): RedisFacts {
  const field = (name: string) => new RegExp(`^${name}:(.*?)\\r?$`, "m").exec(info)?.[1] ?? "";
  return {
    version: field("redis_version"),
    cluster: field("cluster_enabled") === "1",
    evictionPolicy: field("maxmemory_policy"),
  };
}

const retryStrategy = (times: number) => Math.min(50 * 2 ** times, 2_000);

/** A client that goes on trying to connect, never far apart, until it is told to stop. */
export function connectRedis(url: string, { cluster }: RedisFacts, options: Omit<RedisOptions, "replyMapping">): Redis | Cluster {
  if (!cluster) return new Redis(url, { connectTimeout: 5_000, retryStrategy, ...options });
  const { hostname, port, username, password, protocol } = new URL(url);
  const { enableOfflineQueue = true, commandTimeout, maxRetriesPerRequest = null } = options;
  return new Cluster([{ host: hostname, port: Number(port || 6379) }], {
    clusterRetryStrategy: retryStrategy,
    enableOfflineQueue,
    redisOptions: {
      connectTimeout: 5_000,
      ...(commandTimeout === undefined ? {} : { commandTimeout }),
      maxRetriesPerRequest,
      ...(username === "" ? {} : { username: decodeURIComponent(username) }),
      ...(password === "" ? {} : { password: decodeURIComponent(password) }),
      ...(protocol === "rediss:" ? { tls: {} } : {}),
    },
    // The certificates of a cluster are for its names.
    ...(protocol === "rediss:"
      ? { dnsLookup: (address: string, done: (error: null, address: string) => void) => done(null, address) }
      : {}),
  });
}
