import { pipeline, type Readable, type Transform } from "node:stream";
import { createBrotliDecompress, createGunzip, createInflate, createInflateRaw } from "node:zlib";
import { JackfieldError } from "../errors.ts";

/*
 * Undoes content encodings, counting what comes out: a few kilobytes of gzip hold gigabytes, and undici's own limit counts what came
 * in.
 */

/** The first byte tells zlib's form of deflate from the raw one, which some servers send under the same name. */
function createDeflate(first: Buffer): Transform {
  return ((first[0] ?? 0) & 0x0f) === 8 ? createInflate() : createInflateRaw();
}

const decoders: Readonly<Record<string, (first: Buffer) => Transform>> = {
  gzip: () => createGunzip(),
  "x-gzip": () => createGunzip(),
  br: () => createBrotliDecompress(),
  deflate: createDeflate,
};

export const acceptEncoding = "gzip, deflate, br";

const maxChain = 2;

/**
 * The encodings of an answer in the order in which they are undone; empty if there is nothing to undo, or if one of them is unknown,
 * in which case the body stays as it came. Throws `provider_unavailable` for more than two.
 */
export function contentCodings(header: string | readonly string[] | undefined): readonly string[] {
  if (header === undefined) return [];
  const codings = [header]
    .flat()
    .join(",")
    .split(",")
    .map((coding) => coding.trim().toLowerCase())
    .filter((coding) => coding !== "" && coding !== "identity");
  if (codings.length > maxChain)
    throw new JackfieldError("provider_unavailable", {
      detail: `The provider encoded its answer ${codings.length} times over.`,
      members: { sent: true },
    });
  return codings.every((coding) => Object.hasOwn(decoders, coding)) ? codings.reverse() : [];
}

function tooLarge(limit: number): JackfieldError {
  return new JackfieldError("provider_answer_too_large", {
    detail: `The provider's answer is larger than ${limit} bytes.`,
    members: { sent: true },
  });
}

async function* counted(chunks: AsyncIterable<Buffer>, allowed: number, limit: number): AsyncGenerator<Buffer> {
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.length;
    if (size > allowed) throw tooLarge(limit);
    yield chunk;
  }
}

async function* prefixed(first: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  yield first;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}

async function* decoded(source: AsyncGenerator<Buffer>, coding: string): AsyncGenerator<Buffer> {
  // An answer without a body (to HEAD, or 304) may name an encoding all the same; only the first byte shows that there is one.
  const first = await source.next();
  const create = decoders[coding];
  if (first.done === true || create === undefined) return;
  // The callback is empty because the same error ends the iteration below.
  yield* pipeline(prefixed(first.value, source), create(first.value), () => {});
}

/**
 * The body's bytes after decoding, at most `limit` of them. The source is destroyed when the reader stops early, and then its
 * connection is closed. Throws `provider_answer_too_large`, and zlib's errors as they are.
 */
export async function* decodeBody(source: Readable, codings: readonly string[], limit: number): AsyncGenerator<Buffer> {
  try {
    // Encoded bytes count too, with room for what encoding adds to bytes that do not compress: blocks may hold nothing at all.
    const wire = counted(source, codings.length === 0 ? limit : limit + (limit >> 6) + 1024, limit);
    yield* codings.length === 0 ? wire : counted(codings.reduce(decoded, wire), limit, limit);
  } finally {
    source.destroy();
  }
}
