// Versions of an auth block: what a stored credential depends on, so that connections can go on with what they were made with.

import { createHash } from "node:crypto";
import type { Auth, AuthVersion } from "./connector.ts";
import { environmentsOf } from "./defaults.ts";
import { record } from "./record.ts";
import type { Manifest } from "./schema/manifest.ts";

/**
 * How the parts of an auth block count: one that is not named here makes a new version when it changes, `live` never does, and of
 * `presence` only whether it is there matters. What holds for a list holds for each of its items.
 */
type Counting = "live" | "presence" | { readonly [key: string]: Counting };

/** What a person reads, and what only a new answer to the form depends on. */
const question: Counting = {
  label: "live",
  help: "live",
  placeholder: "live",
  prefix: "live",
  suffix: "live",
  required: "live",
  default: "live",
  options: "live",
  visible_if: "live",
};

/**
 * The live parts: words, and what belongs to the API calls rather than to the sign-in. As actions are always those of today, so are the
 * parameters that go with every call, the test and the label that is made of its answer. Scopes are asked for at the next sign-in.
 */
const counting: Counting = {
  title: "live",
  description: "live",
  setup: "live",
  acknowledge_risk: "live",
  label: "live",
  test: "live",
  default_params: "live",
  scopes: { required: "live", optional: "live" },
  fields: question,
  client: { fields: question },
  authorization: { pkce: { none: "presence" } },
  after_connect: { choose: { title: "live", label: "live" } },
  revocation: { none: "presence" },
};

/** The versions of one auth block, by environment. The manifest must be free of errors and laid over what it extends. */
export function authVersions(manifest: Manifest, auth: string): Readonly<Record<string, AuthVersion>> {
  const versions = Object.entries(environmentsOf(manifest)).map(
    ([environment, variables]) =>
      [
        environment,
        { id: idOf(manifest, auth, environment, variables), definition: definitionOf(manifest, auth, environment, variables) },
      ] as const,
  );
  return record(versions);
}

type Variables = Readonly<Record<string, string>>;

/** Not shortened: that no second block has the same version is what keeps a credential from going to another block's endpoints. */
function idOf(manifest: Manifest, auth: string, environment: string, variables: Variables): string {
  const { base_url, ...block } = manifest.auth[auth] as Manifest["auth"][string];
  const whole = { connector: manifest.name, auth, environment, variables, base_url: base_url ?? manifest.base_url };
  const text = canonical(whole, {}) + canonical(block, counting);
  return createHash("sha256").update(text, "utf8").digest("hex");
}

/** JSON with sorted keys, without what does not count. */
function canonical(value: unknown, counts: Counting): string {
  if (counts === "presence") return "true";
  if (typeof value !== "object" || value === null || counts === "live") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((item) => canonical(item, counts)).join()}]`;
  const kept = Object.keys(value).filter((key) => value[key as keyof typeof value] !== undefined && counts[key] !== "live");
  const parts = kept.sort().map((key) => [key, canonical(value[key as keyof typeof value], own(counts, key))] as const);
  // A block of which nothing counts is like none.
  const filled = parts.filter(([key, text]) => text !== "{}" || !Object.hasOwn(counts, key));
  return `{${filled.map(([key, text]) => `${JSON.stringify(key)}:${text}`).join()}}`;
}

function own(counts: Readonly<Record<string, Counting>>, key: string): Counting {
  return Object.hasOwn(counts, key) ? (counts[key] ?? {}) : {};
}

function definitionOf({ name, title, base_url, auth }: Manifest, id: string, environment: string, variables: Variables): string {
  const definition = { manifest: 1, name, title, base_url, environments: { [environment]: variables }, auth: { [id]: auth[id] } };
  return JSON.stringify(definition);
}

/** An earlier version of an auth block with the live parts of the one that stands in its place now. */
export function withLiveParts(kept: Auth, current: Auth): Auth {
  const { title, label, test, default_params } = current;
  const live = { title, label, test, default_params };
  if (kept.type !== "oauth2" || current.type !== "oauth2") return { ...kept, ...live } as Auth;
  const { required, optional } = current.scopes;
  return { ...kept, ...live, scopes: { ...kept.scopes, required, optional } } as Auth;
}
