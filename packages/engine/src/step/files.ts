// Files by reference: uploaded once, given to steps by their ids, or left by steps whose answers are files.

import type { Inputs } from "@jackfield/manifest";
import type { Actor } from "../connection/actor.ts";
import { mayUse } from "../connection/limits.ts";
import type { Place } from "../connection/seal.ts";
import type { FileChunk, FileRecord } from "../connection/store.ts";
import { JackfieldError } from "../errors.ts";
import { FileAnswer } from "../request/answer-body.ts";
import type { Runtime } from "../runtime.ts";

/** What a caller sees of a file. */
export type File = Omit<FileRecord, "workspace" | "owner">;

/** The largest file, in bytes. */
export const mostFileBytes = 25 << 20;
const mostBytesOfWorkspace = 1 << 30;
const keptMs = 24 * 3_600_000;
/** Small enough for every store, sealed and in base64 twice. */
const chunkBytes = 1 << 20;

export const placeOfChunk = ({ workspace, id }: Pick<FileChunk, "workspace" | "id">): Place => ({
  workspace,
  connector: "",
  id,
  field: "file",
});

const chunkId = (file: string, part: number) => `${file}/${part}`;

/** Keeps a file, sealed, for a day. Throws `body_too_large`, `files_full`. */
export async function putFile(
  runtime: Runtime,
  actor: Actor,
  { name, type, content }: { readonly name?: string | undefined; readonly type?: string | undefined; readonly content: Buffer },
): Promise<File> {
  const { workspace, owner } = mayUse(actor);
  const { store, sealer, clock } = runtime;
  if (content.length > mostFileBytes)
    throw new JackfieldError("body_too_large", { detail: `A file may have ${mostFileBytes} bytes at the most.` });
  if ((await store.files.size(workspace)) + content.length > mostBytesOfWorkspace) throw new JackfieldError("files_full");
  const file = `fil_${runtime.random(18).toString("base64url")}`;
  const expires_at = new Date(clock() + keptMs).toISOString();
  for (let part = 0; part * chunkBytes < content.length; part += 1) {
    const chunk = { id: chunkId(file, part), file, workspace, expires_at };
    const bytes = content.subarray(part * chunkBytes, (part + 1) * chunkBytes);
    const sealed = sealer.seal(placeOfChunk(chunk), bytes.toString("base64"));
    await store.files.addChunk({ ...chunk, sealed });
  }
  const created_at = new Date(clock()).toISOString();
  const told = {
    id: file,
    name: name ?? null,
    type: type ?? "application/octet-stream",
    size: content.length,
    created_at,
    expires_at,
  };
  await store.files.insert({ ...told, workspace, owner });
  return told;
}

/** A file and its content. Throws `file_unknown`. */
export async function getFile(
  runtime: Runtime,
  actor: Actor,
  id: string,
): Promise<{ readonly file: File; readonly content: Buffer }> {
  const { store, sealer } = runtime;
  const { workspace: _, owner: __, ...file } = await find(runtime, actor, id);
  const parts: Buffer[] = [];
  for (let part = 0; part * chunkBytes < file.size; part += 1) {
    const chunk = await store.files.chunk(chunkId(id, part));
    if (chunk === undefined) throw new JackfieldError("file_unknown");
    parts.push(Buffer.from(sealer.open(placeOfChunk(chunk), chunk.sealed) as string, "base64"));
  }
  return { file, content: Buffer.concat(parts) };
}

/** Throws `file_unknown`. */
export async function deleteFile(runtime: Runtime, actor: Actor, id: string): Promise<void> {
  await find(runtime, actor, id);
  await runtime.store.files.delete(id);
}

/** A user reaches what is theirs, others all of the workspace. */
async function find({ store, clock }: Runtime, actor: Actor, id: string): Promise<FileRecord> {
  const { workspace, owner, all } = mayUse(actor);
  const record = await store.files.get(id);
  const isTheirs = record?.workspace === workspace && (all || record.owner === owner);
  if (record === undefined || !isTheirs || Date.parse(record.expires_at) <= clock())
    throw new JackfieldError("file_unknown", { members: { file: id } });
  return record;
}

/** The inputs with the content of every file that they name. Throws `file_unknown`. */
export async function withContents(
  runtime: Runtime,
  actor: Actor,
  inputs: Inputs,
  given: Readonly<Record<string, unknown>>,
): Promise<Readonly<Record<string, unknown>>> {
  const named = Object.entries(inputs).filter(([name, { type }]) => type === "file" && given[name] !== undefined);
  if (named.length === 0) return given;
  const load = async (value: unknown): Promise<unknown> => {
    if (!isReference(value)) return value;
    const { file, content } = await getFile(runtime, actor, value.file);
    const name = value.name ?? file.name;
    return { ...(name === null ? {} : { name }), type: value.type ?? file.type, data: content.toString("base64") };
  };
  const loaded = { ...given };
  for (const [name] of named) {
    const value = given[name];
    loaded[name] = Array.isArray(value) ? await Promise.all(value.map(load)) : await load(value);
  }
  return loaded;
}

interface Reference {
  readonly file: string;
  readonly name?: string;
  readonly type?: string;
}

const isReference = (value: unknown): value is Reference =>
  typeof value === "object" && value !== null && "file" in value && typeof value.file === "string";

/** An answer that is a file, kept here: its id takes the place of its data. */
export async function keepAnswer(runtime: Runtime, actor: Actor, body: unknown): Promise<unknown> {
  if (!(body instanceof FileAnswer)) return body;
  const { data, ...rest } = body;
  const { id, expires_at } = await putFile(runtime, actor, { ...rest, content: Buffer.from(data, "base64") });
  return { ...rest, file: id, expires_at };
}

/** Removes what has expired. */
export async function forgetOldFiles({ store, clock }: Runtime): Promise<void> {
  await store.files.expire(new Date(clock()).toISOString());
}
