import { heard } from "./http.ts";
import { keptBy } from "./inside.ts";
import type { Product } from "./product.ts";

const form = (text: string) => new URLSearchParams({ "": text }).toString().slice(1);

/** Base64 of a text as it looks wherever it begins in what is encoded: the characters that depend on its neighbours are cut off. */
function base64Anywhere(text: string): string[] {
  const bytes = Buffer.from(text);
  return [0, 1, 2].flatMap((before) => {
    const encoded = Buffer.concat([Buffer.alloc(before), bytes])
      .toString("base64")
      .replace(/=+$/, "");
    const from = before === 0 ? 0 : before + 1;
    const sure = encoded.slice(from, (bytes.length + before) % 3 === 0 ? undefined : -1);
    return [sure, sure.replace(/\+/g, "-").replace(/\//g, "_")];
  });
}

/** All the ways in which a secret could be written down. */
export function disguises(secret: string): ReadonlySet<string> {
  return new Set([
    secret,
    form(secret),
    encodeURIComponent(secret),
    encodeURI(secret),
    JSON.stringify(secret).slice(1, -1),
    Buffer.from(secret).toString("hex"),
    ...base64Anywhere(secret),
    ...base64Anywhere(form(secret)),
  ]);
}

/** The places, out of many, where one of the secrets stands in any form. */
export function findSecrets(secrets: readonly string[], places: Iterable<readonly [place: string, content: Buffer]>): string[] {
  const needles = secrets.flatMap((secret, index) => {
    if (secret.length < 12) throw new Error(`secret ${index} is too short to be searched for`);
    return [...disguises(secret)].map((text) => [index, Buffer.from(text)] as const);
  });
  const found: string[] = [];
  for (const [place, content] of places)
    for (const [index, needle] of needles)
      if (content.includes(needle)) found.push(`${place} holds secret ${index} as ${needle.toString()}`);
  return found;
}

/** Everything that the product has printed, stored or answered so far. */
export async function everythingOf(product: Product): Promise<readonly (readonly [place: string, content: Buffer])[]> {
  const answers = heard
    .filter(({ origin }) => origin === product.url)
    .map(({ method, target, headers, body }) => {
      const answer = Buffer.concat([Buffer.from(`${JSON.stringify(headers)}\n`), body]);
      return [`the answer to ${method} ${target}`, answer] as const;
    });
  return [["what was printed", Buffer.from(product.output)], ...(await keptBy(product)), ...answers];
}
