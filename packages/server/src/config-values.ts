import { isIP } from "node:net";
import { readEgressProxy } from "@jackfield/engine";
import type { MasterKey } from "./config.ts";

// How the text of an environment variable becomes a value. All throw `Unusable`.

/** A value that cannot be used, and what to do about it. */
export class Unusable extends Error {}

export function wholeNumber(text: string, min: number, max: number): number {
  const value = /^[0-9]{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max)) throw new Unusable(`is "${text}". Give a whole number from ${min} to ${max}`);
  return value;
}

export function oneOf<T extends string>(allowed: readonly T[], text: string): T {
  const found = allowed.find((name) => name === text.toLowerCase());
  if (found === undefined) throw new Unusable(`is "${text}". Give one of ${allowed.join(", ")}`);
  return found;
}

export function onOrOff(text: string): boolean {
  const meaning: Readonly<Record<string, boolean>> = { on: true, true: true, "1": true, off: false, false: false, "0": false };
  const value = Object.hasOwn(meaning, text.toLowerCase()) ? meaning[text.toLowerCase()] : undefined;
  if (value === undefined) throw new Unusable(`is "${text}". Give on or off`);
  return value;
}

export function list(text: string | undefined): string[] {
  return (text ?? "")
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}

export function origin(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !["http:", "https:"].includes(url.protocol)) {
    throw new Unusable(`is "${text}". Give an http or https URL such as https://connect.example.com`);
  }
  if (url.username !== "" || url.password !== "" || url.pathname !== "/" || url.search !== "" || url.hash !== "") {
    throw new Unusable(
      "must be an origin alone: no path, query, fragment, user or password. Give for example https://connect.example.com",
    );
  }
  return url.origin;
}

/** The message never repeats the text: it may hold a password. */
export function mongodbUrl(text: string): string {
  if (!/^mongodb(\+srv)?:\/\/[^/?\s]+(\/[^/?\s]*)?(\?\S*)?$/.test(text)) {
    throw new Unusable(
      "is not a MongoDB URL. Give mongodb://HOST:PORT/DATABASE, a user and a password percent-encoded before the host",
    );
  }
  return text;
}

/** The message never repeats the text: it may hold a password. */
export function redisUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !["redis:", "rediss:"].includes(url.protocol) || url.hostname === "") {
    throw new Unusable("is not a Redis URL. Give redis://HOST:PORT, or rediss:// for TLS, the password percent-encoded");
  }
  if (!/^(\/[0-9]*)?$/.test(url.pathname) || url.search !== "" || url.hash !== "") {
    throw new Unusable("names more than a Redis. Nothing but the number of a database may follow HOST:PORT");
  }
  return text;
}

/** The message never repeats the text: it may hold a password. */
export function egressProxy(text: string): string {
  try {
    readEgressProxy(text);
    return text;
  } catch (cause) {
    throw new Unusable((cause as Error).message, { cause });
  }
}

/** Messages never repeat the text: it is a secret. */
export function masterKeys(text: string): MasterKey[] {
  const keys = list(text).map((item, index) => {
    const [id = "", encoded = "", ...rest] = item.split(":");
    const place = `entry ${index + 1}`;
    if (!/^[A-Za-z0-9_.-]{1,64}$/.test(id) || rest.length > 0) {
      throw new Unusable(`has a malformed ${place}. Write each as id:base64, the id of letters, digits, "_", "." and "-"`);
    }
    const key = Buffer.from(encoded, "base64");
    const same =
      key.toString("base64").replaceAll("=", "") === encoded.replaceAll("=", "").replaceAll("-", "+").replaceAll("_", "/");
    if (key.length !== 32 || !same) {
      throw new Unusable(`has in ${place} ("${id}") no base64 of exactly 32 bytes. \`openssl rand -base64 32\` makes one`);
    }
    return { id, key };
  });
  if (keys.length === 0) throw new Unusable("holds no key. Write id:base64");
  const twice = keys.find((key, index) => keys.findIndex((other) => other.id === key.id) !== index);
  if (twice !== undefined) throw new Unusable(`names the id "${twice.id}" twice. Give each key an id of its own`);
  return keys;
}

export function httpUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !["http:", "https:"].includes(url.protocol)) {
    throw new Unusable("is no http or https URL. Give for example http://localhost:4318");
  }
  return text.replace(/\/+$/, "");
}

export function visibleText(text: string): string {
  if (!/^[\x21-\x7e]{8,512}$/.test(text)) {
    throw new Unusable("must be 8 to 512 visible ASCII characters without spaces. `openssl rand -base64 32` makes a good one");
  }
  return text;
}

export function network(text: string): string {
  const [address = "", length, ...rest] = text.split("/");
  const bits = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
  const prefix = length === undefined ? bits : /^[0-9]{1,3}$/.test(length) ? Number(length) : -1;
  if (bits < 0 || prefix < 0 || prefix > bits || rest.length > 0) {
    throw new Unusable(`holds "${text}". Give networks such as 127.0.0.0/8 or ::1/128`);
  }
  return `${address}/${prefix}`;
}
