// Where secrets may stand, and that none stands in the manifest itself.

import { appFields } from "../defaults.ts";
import { places } from "../names.ts";
import type { Place } from "../schema/text.ts";
import type { Path } from "../source.ts";
import type { Text } from "../text.ts";
import { type CheckedManifest, type Found, isFree, placeOf, type Rule, type Use } from "./rule.ts";

/** What a name stands for if it is a secret. A value that was captured with a pattern is none. */
export function secretOf(checked: CheckedManifest, { text, reference }: Use): string | undefined {
  const [root = "", member] = reference.path;
  return secrets[root]?.(checked, text, member);
}

type SecretOf = (checked: CheckedManifest, text: Text, member: string | undefined) => string | undefined;

const notSecretOfToken = new Set(["token_type", "expires_at", "scope", "claims"]);

const secrets: Readonly<Record<string, SecretOf>> = {
  token: (checked, text, member) =>
    member !== undefined && (notSecretOfToken.has(member) || checked.capturesOf(text, "token").includes(member))
      ? undefined
      : "A token",
  app: (checked, text, member) => {
    if (member === undefined || member === "client_secret") return "The client secret";
    const hidden = checked.authsOf(text).flatMap(({ auth }) => appFields(auth).filter(({ secret }) => secret === true));
    const isHidden = hiddenOfApp.has(member) || hidden.some(({ name }) => name === member);
    return isHidden ? `The app's \`${member}\`` : undefined;
  },
  hook: (_checked, _text, member) => (member === undefined || member === "secret" ? "The hook's secret" : undefined),
  fields: (checked, text, member) => {
    const hidden = checked.authsOf(text).flatMap(({ fields }) => fields.filter(({ secret }) => secret === true));
    if (member === undefined) return hidden.length > 0 ? "A secret field" : undefined;
    return hidden.some(({ name }) => name === member) ? `The secret field \`${member}\`` : undefined;
  },
};

const hiddenOfApp = new Set(["signing_secret", "private_key"]);

/** Secrets travel with these requests, and still not in their URLs, which are logged everywhere. */
const sealedRequests: ReadonlySet<Place> = new Set<Place>([
  "token.request",
  "token.then",
  "refresh.params",
  "subscription.request",
]);

function mayHoldSecrets({ place, path }: Text): boolean {
  if (!places[place].secrets) return false;
  const isTarget = path.at(-2) === "request" && (path.at(-1) === "url" || path.at(-1) === "path");
  return !isTarget || !sealedRequests.has(place);
}

function* misplaced(checked: CheckedManifest): Iterable<Found> {
  for (const use of checked.uses()) {
    const secret = mayHoldSecrets(use.text) || isFree(use.text, checked) ? undefined : secretOf(checked, use);
    if (secret) yield { ...placeOf(use), message: `${secret} does not belong in ${describe(use.text.path)}.` };
  }
  for (const { text, piece } of checked.pieces()) {
    if (!piece.analysis.everything || isFree(text, checked) || !reachesSecrets(checked, text)) continue;
    yield {
      path: text.path,
      within: { start: piece.offset, length: 1 },
      message: "This uses every name in reach, secrets included.",
      hint: "Name the values that are needed.",
    };
  }
}

/** Whether secrets are among the names in reach, although they must not be named. */
function reachesSecrets(checked: CheckedManifest, text: Text): boolean {
  const { names, secrets } = places[text.place];
  if (secrets) return false;
  const asked = checked.authsOf(text).some(({ fields }) => fields.some(({ secret }) => secret === true));
  return names.includes("app") || (names.includes("fields") && asked);
}

const describe = (path: Path) => {
  const words = path.filter((step) => typeof step === "string");
  return `\`${words.slice(words[0] === "auth" || words[0] === "actions" ? 2 : 0).join(".")}\``;
};

const knownForms =
  /\bBearer\s+[A-Za-z0-9._~+/-]{8,}|\b(?:sk|pk|rk)_(?:(?:live|test)_)?[A-Za-z0-9]{8,}|\bxox[abprs]-[A-Za-z0-9-]{10,}|\bgh[pousr]_[A-Za-z0-9]{20,}|\bAKIA[0-9A-Z]{16}\b|\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}/;

const randomForm = /^[A-Za-z0-9+/_=-]{24,}$/;

/** Bits of information per character. */
function entropy(text: string): number {
  const counts = new Map<string, number>();
  for (const character of text) counts.set(character, (counts.get(character) ?? 0) + 1);
  return [...counts.values()].reduce((sum, count) => sum - (count / text.length) * Math.log2(count / text.length), 0);
}

const shortestSecret = 11;

function looksSecret(text: string): boolean {
  if (text.length < shortestSecret) return false;
  if (knownForms.test(text)) return true;
  const words = text.split(/^(?:https?:\/)?\//.test(text) ? /[\s:;,&?/]+/ : /[\s:;,&?]+/);
  return words.some((word) => randomForm.test(word) && /[0-9]/.test(word) && /[a-z]/i.test(word) && entropy(word) >= 4);
}

const describing = new Set(["setup", "label", "test.error", "errors.message"]);

function* suspected({ texts, environments }: CheckedManifest): Iterable<Found> {
  for (const { path, parts, place } of texts) {
    if (describing.has(place) || !parts.some((part) => typeof part === "string" && looksSecret(part))) continue;
    yield { path, message: "This looks like a secret." };
  }
  for (const [environment, variables] of Object.entries(environments)) {
    for (const [name, value] of Object.entries(variables)) {
      if (looksSecret(value)) yield { path: ["environments", environment, name], message: "This looks like a secret." };
    }
  }
}

export const secretRules: readonly Rule[] = [
  { code: "secret_misplaced", check: misplaced },
  { code: "literal_secret_suspected", check: suspected },
];
