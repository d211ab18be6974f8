import type {
  AppRecord,
  ConnectionEvent,
  DeliveryRecord,
  EndpointRecord,
  FileChunk,
  KeptStep,
  Outgoing,
  SealedRecords,
} from "@jackfield/engine";
import { connectColumns, connectOf, keyOf, sessionOf } from "./access.ts";
import { appColumns } from "./apps.ts";
import { parseConnection } from "./connection-record.ts";
import { connectionColumns } from "./connections.ts";
import { type Columns, insertRow, type Sqlite, type Value } from "./database.ts";
import { eventColumns } from "./events.ts";
import { chunkColumns, fileColumns, parseFile } from "./files.ts";
import { flowColumns, parseFlow } from "./flows.ts";
import { keptStepColumns } from "./kept-steps.ts";
import { deliveryColumns, endpointColumns } from "./outbound.ts";
import { type HostStore, type NoteKind, noteKinds, type Records, type Table } from "./port.ts";

/** How the records of a table are kept. */
interface Kept<T> {
  readonly name: string;
  /** Columns that tell its rows apart, and in whose order they are read. */
  readonly order: readonly [string, ...string[]];
  readonly where?: string;
  // biome-ignore lint/suspicious/noExplicitAny: what a row holds is up to its table.
  read(row: any): T;
  columns(record: T): Columns;
}

const docOf =
  <T>() =>
  ({ doc }: { readonly doc: string }) =>
    JSON.parse(doc) as T;

const kept: { readonly [Name in keyof Records]: Kept<Records[Name]> } = {
  workspaces: {
    name: "workspaces",
    order: ["id"],
    read: ({ id, created_at }) => ({ id, created_at }),
    columns: (record) => ({ ...record }),
  },
  keys: { name: "api_keys", order: ["id"], read: keyOf, columns: (record) => ({ ...keyOf(record) }) },
  sessions: { name: "sessions", order: ["hash"], read: sessionOf, columns: (record) => ({ ...sessionOf(record) }) },
  links: { name: "sign_in_links", order: ["hash"], read: sessionOf, columns: (record) => ({ ...sessionOf(record) }) },
  connect_sessions: { name: "connect_sessions", order: ["id"], read: connectOf, columns: connectColumns },
  auth_versions: {
    name: "auth_versions",
    order: ["version"],
    read: ({ version, definition, at }) => ({ version, definition, at }),
    columns: (record) => ({ ...record }),
  },
  manifests: {
    name: "manifests",
    order: ["name"],
    read: ({ name, text, at }) => ({ name, text, at }),
    columns: (record) => ({ ...record }),
  },
  apps: {
    name: "apps",
    order: ["workspace", "connector", "auth", "environment"],
    read: docOf<AppRecord>(),
    columns: appColumns,
  },
  connections: { name: "connections", order: ["id"], read: ({ doc }) => parseConnection(doc), columns: connectionColumns },
  flows: { name: "flows", order: ["id"], read: parseFlow, columns: flowColumns },
  events: { name: "events", order: ["seq"], read: docOf<ConnectionEvent>(), columns: eventColumns },
  outbox: {
    name: "outbox",
    order: ["seq"],
    read: docOf<Outgoing>(),
    columns: (record) => ({ event: record.event.id, doc: JSON.stringify(record) }),
  },
  endpoints: { name: "event_endpoints", order: ["id"], read: docOf<EndpointRecord>(), columns: endpointColumns },
  deliveries: { name: "deliveries", order: ["id"], read: docOf<DeliveryRecord>(), columns: deliveryColumns },
  usage: {
    name: "usage",
    order: ["connection", "workflow"],
    read: ({ connection, workflow, last_used_at, count }) => ({ connection, workflow, last_used_at, count }),
    columns: (record) => ({ ...record }),
  },
  kept_steps: { name: "kept_steps", order: ["id"], read: docOf<KeptStep>(), columns: keptStepColumns },
  files: { name: "files", order: ["id"], read: parseFile, columns: fileColumns },
  file_chunks: { name: "file_chunks", order: ["id"], read: docOf<FileChunk>(), columns: chunkColumns },
  notes: {
    name: "meta",
    order: ["key"],
    where: `substr(key, 1, instr(key, '/') - 1) IN (${noteKinds.map((kind) => `'${kind}'`).join(", ")})`,
    read: ({ key, value }) => ({ ...noteOf(key), text: value }),
    columns: ({ kind, name, text }) => ({ key: `${kind}/${name}`, value: text }),
  },
};

/** Where a note stands is its kind, a slash and its name. */
const noteOf = (key: string) => {
  const at = key.indexOf("/");
  return { kind: key.slice(0, at) as NoteKind, name: key.slice(at + 1) };
};

/** The `tables` of the host's port. */
export const tablesOf = (sqlite: Sqlite) =>
  Object.fromEntries(
    Object.entries(kept).map(([name, how]) => [name, tableOf(sqlite, how as Kept<unknown>)]),
  ) as unknown as HostStore["tables"];

const tuple = (values: readonly string[]) => `(${values.join(", ")})`;
const holes = (values: readonly unknown[]) => tuple(values.map(() => "?"));

function tableOf<T>(sqlite: Sqlite, { name, order, where = "1", read, columns }: Kept<T>): Table<T> {
  return {
    count: async () => sqlite.get<{ n: number }>(`SELECT count(*) AS n FROM ${name} WHERE ${where}`)?.n ?? 0,
    async page(limit, after) {
      const last = after === undefined ? [] : (JSON.parse(after) as Value[]);
      const later = after === undefined ? "1" : `${tuple(order)} > ${holes(order)}`;
      const rows = sqlite.all<Record<string, Value>>(
        `SELECT * FROM ${name} WHERE ${where} AND ${later} ORDER BY ${order.join(", ")} LIMIT ?`,
        ...last,
        limit,
      );
      return rows.map((row) => ({ key: JSON.stringify(order.map((column) => row[column])), record: read(row) }));
    },
    put: async (records) =>
      sqlite.transaction(() => {
        for (const record of records) insertRow(sqlite, name, columns(record), "OR IGNORE");
      }),
  };
}

/** The `reseal` of the host's port: a sealed text stands nowhere but in `doc`, and needs no escape there. */
export function reseal(sqlite: Sqlite, table: keyof SealedRecords, records: Parameters<HostStore["reseal"]>[1]): number {
  const { name, order } = kept[table];
  const sql = `UPDATE ${name} SET doc = replace(doc, ?, ?) WHERE ${tuple(order)} = ${holes(order)} AND instr(doc, ?) > 0`;
  return sqlite.transaction(() => {
    let replaced = 0;
    for (const { key, texts } of records)
      for (const [from, to] of texts)
        replaced += sqlite.run(sql, quoted(from), quoted(to), ...(JSON.parse(key) as Value[]), quoted(from));
    return replaced;
  });
}

const quoted = (text: string) => JSON.stringify(text);
