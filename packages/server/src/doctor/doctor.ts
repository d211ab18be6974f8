import { JackfieldError } from "@jackfield/engine";
import { type Config, ConfigError, readConfig } from "../config.ts";
import { checks } from "./checks.ts";
import { lookIntoDatabase, lookIntoFile, type StoreLook } from "./store.ts";

/*
 * Looks at a deployment from outside, also while its processes run, and changes nothing. No remark holds a secret: what is said is put
 * together here, never passed on from a driver, and goes through a last sieve besides.
 */

export type Level = "ok" | "warning" | "problem";

export interface Remark {
  readonly level: Level;
  /** A sentence. */
  readonly says: string;
  /** What to do; absent where all is well. */
  readonly cure?: string;
}

export interface Finding extends Remark {
  /** The name of the check. */
  readonly check: string;
}

/** What checks look at. */
export interface Patient {
  readonly config: Config;
  readonly env: NodeJS.ProcessEnv;
  /** Undefined where there is none yet, or it cannot be opened. */
  readonly store: StoreLook | undefined;
}

export type Check = (patient: Patient) => Promise<readonly Remark[]>;

/** Carries all checks out, in their order. Wrong configuration ends it: everything else follows from there. */
export async function examine(env: NodeJS.ProcessEnv): Promise<readonly Finding[]> {
  const { config, remarks } = configured(env);
  const first = remarks.map((remark) => ({ check: "configuration", ...remark }));
  if (config === undefined) return first;
  const found: Finding[] = [...first];
  const { store, remarks: opened } = await look(config);
  found.push(...opened.map((remark) => ({ check: "store", ...remark })));
  try {
    const patient: Patient = { config, env, store };
    for (const [name, check] of Object.entries(checks)) {
      const said = await check(patient).catch((error: unknown) => [unfinished(error)]);
      found.push(...said.map((remark) => ({ check: name, ...remark })));
    }
  } finally {
    await store?.store.close();
  }
  const clean = sieve(config, env);
  return found.map(({ says, cure, ...rest }) => ({
    ...rest,
    says: clean(says),
    ...(cure === undefined ? {} : { cure: clean(cure) }),
  }));
}

function configured(env: NodeJS.ProcessEnv): { readonly config: Config | undefined; readonly remarks: readonly Remark[] } {
  try {
    const config = readConfig(env);
    const warnings = config.warnings.map((says): Remark => ({ level: "warning", says, cure: "See README.md, Set up." }));
    const fine: Remark = { level: "ok", says: "Every variable that is set can be used." };
    return { config, remarks: warnings.length === 0 ? [fine] : warnings };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return {
      config: undefined,
      remarks: error.problems.map((says) => ({ level: "problem", says, cure: "See README.md, Set up." })),
    };
  }
}

/** Opens the store, once for all checks. */
async function look({ mongodbUrl, dataDir }: Config): Promise<{ store: StoreLook | undefined; remarks: readonly Remark[] }> {
  try {
    const store = mongodbUrl === undefined ? lookIntoFile(dataDir) : await lookIntoDatabase(mongodbUrl);
    if (store === undefined)
      return { store, remarks: [{ level: "ok", says: "There is no store yet: the first start makes it." }] };
    const faults = await store.faults();
    const fine: Remark = { level: "ok", says: `${store.is}: it answers, and nothing is missing in it.` };
    return { store, remarks: faults.length === 0 ? [fine] : faults };
  } catch (error) {
    const cure = mongodbUrl === undefined ? "Restore it from a backup." : "Start it, or correct MONGODB_URL.";
    return { store: undefined, remarks: [{ level: "problem", says: `The store cannot be opened: ${wordsOf(error)}`, cure }] };
  }
}

const unfinished = (error: unknown): Remark => ({
  level: "problem",
  says: `This could not be found out: ${wordsOf(error)}`,
  cure: "See what the other lines say first.",
});

const wordsOf = (error: unknown): string =>
  error instanceof JackfieldError || error instanceof Error ? error.message : String(error);

/** Takes out of a text what nobody must see, should anything have put it there. */
function sieve(config: Config, env: NodeJS.ProcessEnv): (text: string) => string {
  const keys = (env.MASTER_KEYS ?? "").split(",").map((entry) => entry.slice(entry.indexOf(":") + 1).trim());
  const urls = [env.MONGODB_URL, env.REDIS_URL].flatMap((url) => /\/\/([^/]*)@/.exec(url ?? "")?.[1] ?? []);
  const secrets = [
    ...keys,
    ...urls,
    ...urls.map((pair) => pair.slice(pair.indexOf(":") + 1)),
    config.adminApiKey,
    config.metricsToken,
  ];
  const known = secrets.filter((secret): secret is string => secret !== undefined && secret.length >= 4);
  return (text) => known.reduce((clean, secret) => clean.replaceAll(secret, "…"), text);
}
