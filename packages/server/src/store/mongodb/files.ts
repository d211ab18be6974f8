import type { FileChunk, FileRecord, Store } from "@jackfield/engine";
import type { Stored } from "./client.ts";
import type { Collections } from "./schema.ts";

export const fileDocument = ({ id, ...rest }: FileRecord): Stored => ({ _id: id, ...rest });
export const parseFile = ({ _id, ...rest }: Stored): FileRecord => ({ id: _id, ...rest }) as unknown as FileRecord;

export const chunkDocument = (chunk: FileChunk): Stored => ({
  _id: chunk.id,
  file: chunk.file,
  expires_at: chunk.expires_at,
  doc: JSON.stringify(chunk),
});
export const parseChunk = ({ doc }: Stored): FileChunk => JSON.parse(String(doc)) as FileChunk;

/** The `files` of the store's port. */
export function fileDocuments({ files, file_chunks: chunks }: Collections): Store["files"] {
  return {
    async addChunk(chunk) {
      await chunks.insertOne(chunkDocument(chunk));
    },
    async insert(record) {
      await files.insertOne(fileDocument(record));
    },
    async get(id) {
      const found = await files.findOne({ _id: id });
      return found === null ? undefined : parseFile(found);
    },
    async chunk(id) {
      const found = await chunks.findOne({ _id: id });
      return found === null ? undefined : parseChunk(found);
    },
    async size(workspace) {
      let bytes = 0;
      for await (const { size } of files.find({ workspace }, { projection: { size: 1 } })) bytes += Number(size);
      return bytes;
    },
    async delete(id) {
      const { deletedCount } = await files.deleteOne({ _id: id });
      await chunks.deleteMany({ file: id });
      return deletedCount > 0;
    },
    async expire(time) {
      const old = { expires_at: { $lte: time } };
      const { deletedCount } = await files.deleteMany(old);
      await chunks.deleteMany(old);
      return deletedCount;
    },
  };
}
