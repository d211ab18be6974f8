import type { FileChunk, FileRecord, Store } from "@jackfield/engine";
import { type Columns, insertRow, type Sqlite } from "./database.ts";

export const fileColumns = ({ id, workspace, size, expires_at, ...rest }: FileRecord): Columns => ({
  id,
  workspace,
  size,
  expires_at,
  doc: JSON.stringify(rest),
});

interface FileRow extends Pick<FileRecord, "id" | "workspace" | "size" | "expires_at"> {
  readonly doc: string;
}

export const parseFile = ({ id, workspace, size, expires_at, doc }: FileRow): FileRecord => ({
  ...(JSON.parse(doc) as FileRecord),
  id,
  workspace,
  size,
  expires_at,
});

export const chunkColumns = (chunk: FileChunk): Columns => ({
  id: chunk.id,
  file: chunk.file,
  expires_at: chunk.expires_at,
  doc: JSON.stringify(chunk),
});

/** The `files` of the store's port. */
export function fileTable(sqlite: Sqlite): Store["files"] {
  return {
    async addChunk(chunk) {
      insertRow(sqlite, "file_chunks", chunkColumns(chunk));
    },
    async insert(record) {
      insertRow(sqlite, "files", fileColumns(record));
    },
    async get(id) {
      const row = sqlite.get<FileRow>("SELECT * FROM files WHERE id = ?", id);
      return row === undefined ? undefined : parseFile(row);
    },
    async chunk(id) {
      const row = sqlite.get<{ doc: string }>("SELECT doc FROM file_chunks WHERE id = ?", id);
      return row === undefined ? undefined : (JSON.parse(row.doc) as FileChunk);
    },
    size: async (workspace) =>
      sqlite.get<{ n: number }>("SELECT coalesce(sum(size), 0) AS n FROM files WHERE workspace = ?", workspace)?.n ?? 0,
    delete: async (id) =>
      sqlite.transaction(() => {
        sqlite.run("DELETE FROM file_chunks WHERE file = ?", id);
        return sqlite.run("DELETE FROM files WHERE id = ?", id) > 0;
      }),
    expire: async (time) =>
      sqlite.transaction(() => {
        sqlite.run("DELETE FROM file_chunks WHERE expires_at <= ?", time);
        return sqlite.run("DELETE FROM files WHERE expires_at <= ?", time);
      }),
  };
}
