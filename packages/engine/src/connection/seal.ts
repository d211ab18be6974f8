import { createCipheriv, createDecipheriv } from "node:crypto";
import { JackfieldError } from "../errors.ts";

/*
 * Envelope encryption. Each sealed text has a data key of its own (AES-256-GCM), wrapped by a master key from the key ring. The place
 * it was made for is authenticated with it, so that a sealed text which was moved to another record, field or workspace does not open.
 */

/** Master keys: id → 32 bytes; the first is the active one. */
export interface KeyRing {
  readonly active: string;
  get(id: string): Buffer | undefined;
}

/** Where a sealed text belongs. */
export interface Place {
  readonly workspace: string;
  readonly connector: string;
  /** The record's id. */
  readonly id: string;
  readonly field: "credential" | "fields" | "app" | "flow" | "outcome" | "tombstone" | "endpoint" | "step" | "file";
}

export interface Sealer {
  /** JSON in, text out; two seals of one value differ. */
  seal(place: Place, value: unknown): string;
  /** Throws `seal_broken` for anything that was not sealed for exactly this place, with a known key, unaltered. */
  open(place: Place, sealed: string): unknown;
}

const version = "v1";
const ivBytes = 12;
const tagBytes = 16;
const keyBytes = 32;

/** Text in which no two different lists of parts look alike: each part is preceded by its length. */
function associated(place: Place, kid: string, layer: "data" | "key"): Buffer {
  const parts = [version, layer, kid, place.workspace, place.connector, place.id, place.field];
  return Buffer.from(parts.map((part) => `${Buffer.byteLength(part)}:${part}`).join("|"), "utf8");
}

function encrypt(key: Buffer, iv: Buffer, aad: Buffer, plain: Buffer): Buffer {
  const cipher = createCipheriv("aes-256-gcm", key, iv, { authTagLength: tagBytes });
  cipher.setAAD(aad);
  return Buffer.concat([iv, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

function decrypt(key: Buffer, aad: Buffer, box: Buffer): Buffer {
  if (box.length < ivBytes + tagBytes) throw new Error("too short");
  const decipher = createDecipheriv("aes-256-gcm", key, box.subarray(0, ivBytes), { authTagLength: tagBytes });
  decipher.setAAD(aad);
  decipher.setAuthTag(box.subarray(box.length - tagBytes));
  return Buffer.concat([decipher.update(box.subarray(ivBytes, box.length - tagBytes)), decipher.final()]);
}

/** Seals and opens with the keys of a ring. Throws at once if the active key is missing or is not 32 bytes long. */
export function createSealer(keys: KeyRing, random: (bytes: number) => Buffer): Sealer {
  const master = (kid: string): Buffer => {
    const key = keys.get(kid);
    if (key?.length !== keyBytes)
      throw new JackfieldError("seal_broken", { detail: `The master key "${kid}" is not in the key ring.` });
    return key;
  };
  master(keys.active);

  return {
    seal(place, value) {
      const kid = keys.active;
      const dataKey = random(keyBytes);
      const wrapped = encrypt(master(kid), random(ivBytes), associated(place, kid, "key"), dataKey);
      const box = encrypt(dataKey, random(ivBytes), associated(place, kid, "data"), Buffer.from(JSON.stringify(value), "utf8"));
      dataKey.fill(0);
      return [version, Buffer.from(kid).toString("base64url"), wrapped.toString("base64url"), box.toString("base64url")].join(
        ".",
      );
    },
    open(place, sealed) {
      const [tag, kidText, wrappedText, boxText, ...rest] = sealed.split(".");
      if (tag !== version || !kidText || !wrappedText || !boxText || rest.length > 0) {
        throw new JackfieldError("seal_broken", { detail: "A sealed record has an unknown form." });
      }
      const kid = strictBytes(kidText).toString("utf8");
      const key = master(kid);
      try {
        const dataKey = decrypt(key, associated(place, kid, "key"), strictBytes(wrappedText));
        const plain = decrypt(dataKey, associated(place, kid, "data"), strictBytes(boxText));
        dataKey.fill(0);
        return JSON.parse(plain.toString("utf8"));
      } catch (cause) {
        throw new JackfieldError("seal_broken", { cause });
      }
    },
  };
}

/** How long what was opened is remembered, in milliseconds, and how much of it. */
const openedMs = 60_000;
const mostOpened = 1_000;
/** What every step opens again. */
const remembered: ReadonlySet<Place["field"]> = new Set(["credential", "fields"]);

/**
 * The same sealer, which remembers what it has opened: a sealed text never changes its meaning, so that nobody need be told when a
 * record does. What it gives is shared, and frozen.
 */
export function remembering(sealer: Sealer, clock: () => number): Sealer {
  const opened = new Map<string, { readonly value: unknown; readonly until: number }>();
  return {
    seal: sealer.seal,
    open(place, sealed) {
      if (!remembered.has(place.field)) return sealer.open(place, sealed);
      const name = `${associated(place, "", "data").toString("latin1")}|${sealed}`;
      const known = opened.get(name);
      if (known !== undefined && known.until > clock()) return known.value;
      const value = frozen(sealer.open(place, sealed));
      opened.delete(name);
      opened.set(name, { value, until: clock() + openedMs });
      for (const [old, { until }] of opened) {
        if (opened.size <= mostOpened && until > clock()) break;
        opened.delete(old);
      }
      return value;
    },
  };
}

function frozen(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  for (const inner of Object.values(value)) frozen(inner);
  return Object.freeze(value);
}

/** The id of the master key that a text is sealed with; undefined where it is no sealed text. */
export function masterKeyOf(sealed: string): string | undefined {
  const [tag, kid, ...rest] = sealed.split(".");
  return tag === version && kid && rest.length === 2 ? Buffer.from(kid, "base64url").toString("utf8") : undefined;
}

/** Base64url that has exactly one spelling: Node ignores stray bits and characters, which would let a byte be changed unnoticed. */
function strictBytes(text: string): Buffer {
  const bytes = Buffer.from(text, "base64url");
  if (bytes.toString("base64url") !== text) throw new JackfieldError("seal_broken", { detail: "A sealed record was altered." });
  return bytes;
}
