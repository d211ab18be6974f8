import type { Registry } from "../runtime.ts";
import type { ConnectionRecord, FlowRecord } from "./record.ts";
import type { Store } from "./store.ts";

/**
 * The store, of which every connection and flow is given only once what it names is known here, whichever process published the
 * connector or kept the version. It costs nothing where it is known.
 */
export function learning(store: Store, connectors: Registry): Store {
  if (connectors.learn === undefined) return store;
  const learned = async <T extends ConnectionRecord | FlowRecord | undefined>(reading: Promise<T>): Promise<T> => {
    const record = await reading;
    await known(record);
    return record;
  };
  const all = async <T extends readonly ConnectionRecord[]>(records: T): Promise<T> => {
    for (const record of records) await known(record);
    return records;
  };
  const known = (record: ConnectionRecord | FlowRecord | undefined): Promise<void> | undefined =>
    record === undefined || ("status" in record && isOver(record)) ? undefined : connectors.learn?.(namedBy(record));

  const { connections, flows } = store;
  return over(store, {
    connections: over(connections, {
      get: (id) => learned(connections.get(id)),
      find: (identity) => learned(connections.find(identity)),
      update: (...args) => learned(connections.update(...args)),
      async list(...args) {
        const page = await connections.list(...args);
        await all(page.items);
        return page;
      },
      madeIn: async (session) => all(await connections.madeIn(session)),
    }),
    flows: over(flows, {
      get: (id) => learned(flows.get(id)),
      consume: (hash) => learned(flows.consume(hash)),
    }),
  });
}

/** Nothing is sent any more by the version of a connection that was disconnected, and whose provider knows it. */
const isOver = ({ status, revoke_at, alias_of }: ConnectionRecord) =>
  alias_of !== null || (status === "revoked" && revoke_at === null);

/** A draft goes by the manifest of now. */
function namedBy(record: ConnectionRecord | FlowRecord): Parameters<NonNullable<Registry["learn"]>>[0] {
  const { connector, auth_version } = record;
  return "credential_version" in record && record.credential_version === 0 ? { connector } : { connector, auth_version };
}

/** An object with some methods of its own, and all others of `target`, whatever it is made as. */
function over<T extends object>(target: T, own: Partial<T>): T {
  return new Proxy(target, {
    get(_, key) {
      if (Object.hasOwn(own, key)) return Reflect.get(own, key);
      const value = Reflect.get(target, key);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}
