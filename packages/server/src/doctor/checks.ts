import { X509Certificate } from "node:crypto";
import { accessSync, constants, existsSync, readdirSync, readFileSync, statfsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { rootCertificates } from "node:tls";
import { allowsPlainHttp, type Log } from "@jackfield/engine";
import { loadAuthVersions } from "../auth-versions.ts";
import { type Config, isLocal } from "../config.ts";
import { foldersOf, loadCatalog } from "../connectors.ts";
import { checkValue, readKeyFile } from "../keys.ts";
import type { Check, Patient, Remark } from "./doctor.ts";

const ok = (says: string): Remark => ({ level: "ok", says });
const warning = (says: string, cure: string): Remark => ({ level: "warning", says, cure });
const problem = (says: string, cure: string): Remark => ({ level: "problem", says, cure });

/** What is looked at beside configuration and store, in the order in which it is told. */
export const checks: Readonly<Record<string, Check>> = {
  node: async () => node(process.versions.node),
  data_folder: async ({ config }) => dataFolder(config),
  keys,
  clock,
  queue: async ({ config }) => queue(config.redisUrl),
  connectors,
  public_url: publicUrl,
  certificates: async ({ env }) => certificates(env.NODE_EXTRA_CA_CERTS),
};

function node(version: string): readonly Remark[] {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return [ok(`Node.js ${version}.`)];
  return [problem(`Node.js ${version} is too old.`, "Install 20.19 or newer; 22 and 24 work too.")];
}

const MiB = 1 << 20;

function dataFolder({ dataDir, mongodbUrl }: Config): readonly Remark[] {
  const choose = "Give in DATA_DIR a folder that the user of the process may write to.";
  if (!existsSync(dataDir)) {
    const parent = nearest(dataDir);
    if (isWritable(parent)) return [ok(`${dataDir} is not there yet: the first start makes it.`)];
    return [problem(`${dataDir} is not there, and ${parent} cannot be written to.`, choose)];
  }
  const found: Remark[] = [];
  if (!isWritable(dataDir)) found.push(problem(`${dataDir} cannot be written to by this user.`, choose));
  if (process.platform !== "win32" && (statSync(dataDir).mode & 0o077) !== 0)
    found.push(warning(`${dataDir} is open to other users of this machine.`, `Run: chmod 700 ${dataDir}`));
  const { bavail, bsize } = statfsSync(dataDir);
  const free = Math.floor((bavail * bsize) / MiB);
  const room = `${free} MiB are free on the disk of ${dataDir}.`;
  if (free < 100) found.push(problem(room, "Make room before writes fail."));
  else if (free < 1024) found.push(warning(room, "Make room, or give it a larger disk."));
  found.push(...spooled(join(dataDir, "spool")));
  if (found.length > 0) return found;
  return [ok(`${dataDir}: ${Math.floor(free / 1024)} GiB free${mongodbUrl === undefined ? holder(dataDir) : ""}.`)];
}

const nearest = (path: string): string => (existsSync(path) ? path : nearest(dirname(path)));

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Who has the folder, by what that process has written into it: the lock itself is not touched. */
function holder(folder: string): string {
  const file = join(folder, "pid");
  const pid = existsSync(file) ? Number(readFileSync(file, "utf8").trim()) : 0;
  if (!Number.isInteger(pid) || pid <= 0) return "";
  try {
    process.kill(pid, 0);
    return `, in use by process ${pid}`;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM" ? `, in use by process ${pid}` : "";
  }
}

function spooled(folder: string): readonly Remark[] {
  const waiting = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".json")).length : 0;
  if (waiting === 0) return [];
  const says = `${waiting} ${waiting === 1 ? "refresh that was" : "refreshes that were"} answered could not be stored yet (${folder}).`;
  return [warning(says, "A process of this machine stores them as soon as the store answers. Do not delete them.")];
}

async function keys({ config, store }: Patient): Promise<readonly Remark[]> {
  const file = join(config.dataDir, "keys");
  const checked = (await store?.store.notes.list("key_check")) ?? new Map<string, string>();
  const ring = ringOf(config, file, [...checked.keys()]);
  if (!("keys" in ring)) return [ring];
  const isUsed = async (id: string) => (await store?.store.isSealedWith(id)) === true;
  const found: Remark[] = [];
  for (const [index, { id, key }] of ring.keys.entries()) {
    const known = checked.get(id);
    const isOther = known !== undefined && known !== checkValue(key).toString("hex");
    const give = "Give the right key; a new one needs an id of its own.";
    found.push(
      isOther ? problem(`"${id}" is not the key that the store was sealed with.`, give) : use(id, index, await isUsed(id)),
    );
  }
  const lost = [...checked.keys()].filter((id) => !ring.keys.some((key) => key.id === id));
  const give = "Give it back, after the active key (MASTER_KEYS).";
  for (const id of lost)
    if (await isUsed(id)) found.push(problem(`Records are sealed with "${id}", which is not in the key ring.`, give));
  return found;
}

/** The keys that a process would start with, or what there is to say of them. */
function ringOf(
  { masterKeys }: Config,
  file: string,
  known: readonly string[],
): { readonly keys: NonNullable<Config["masterKeys"]> } | Remark {
  if (masterKeys !== undefined) return { keys: masterKeys };
  const restore = "Restore it from a backup, or give the key in MASTER_KEYS. Without it nothing that is stored can be opened.";
  try {
    if (existsSync(file)) return { keys: readKeyFile(file) };
  } catch (error) {
    return problem(error instanceof Error ? error.message : `The key file ${file} cannot be read.`, restore);
  }
  if (known.length === 0) return ok("There is no master key yet: the first start makes one.");
  return problem(`The key file ${file} is missing, and the store is sealed with "${known.join('", "')}".`, restore);
}

function use(id: string, index: number, isUsed: boolean): Remark {
  if (index === 0) return ok(`"${id}" is the active key${isUsed ? ", and in use" : ""}.`);
  if (isUsed) return ok(`"${id}" still opens older records.`);
  return warning(`Nothing is sealed with "${id}" any more.`, "Take it out of MASTER_KEYS.");
}

/** Leases and tokens allow for about a second; a sign-in at a provider, and TLS, for minutes. */
const noticeable = 1_000;
const much = 60_000;

async function clock({ store }: Patient): Promise<readonly Remark[]> {
  const sync = "Have this machine's clock set by a time server.";
  if (store === undefined) return [ok("There is nothing to compare the clock with.")];
  const before = Date.now();
  const theirs = await store.store.time();
  const off = Math.round(theirs - (before + Date.now()) / 2);
  if (Math.abs(off) > noticeable) {
    const says = `The clock of this machine is ${Math.abs(off)} ms ${off > 0 ? "behind" : "ahead of"} the store's, which counts.`;
    return [Math.abs(off) > much ? problem(says, sync) : warning(says, sync)];
  }
  const newest = await store.newest();
  if (newest !== undefined && Date.parse(newest) > Date.now() + much)
    return [problem(`The newest event is of ${newest}, and the clock says ${new Date().toISOString()}: it was set back.`, sync)];
  return [ok("The clock agrees with the store's.")];
}

async function queue(url: string | undefined): Promise<readonly Remark[]> {
  if (url === undefined) return [ok("It is in the process.")];
  // Loaded only where it is needed.
  const { askRedis, isRefusal, redisAddress } = await import("../queue/redis.ts");
  const name = `Redis at ${redisAddress(url)}`;
  try {
    const { version, evictionPolicy } = await askRedis(url);
    const found: Remark[] = [];
    const [major = 0, minor = 0] = version.split(".").map(Number);
    if (major < 6 || (major === 6 && minor < 2))
      found.push(problem(`${name} is of version ${version}.`, "Install 6.2 or newer."));
    if (evictionPolicy !== "noeviction") {
      const says = `${name} throws jobs away when its memory is full (maxmemory-policy ${evictionPolicy}).`;
      found.push(warning(says, "Set maxmemory-policy to noeviction. What is lost is found again within a minute, and late."));
    }
    return found.length > 0 ? found : [ok(`${name}, version ${version}: it answers, and drops nothing.`)];
  } catch (error) {
    if (isRefusal(error)) return [problem(`${name} does not let this user in.`, "Correct user and password in REDIS_URL.")];
    return [
      problem(`${name} does not answer.`, "Start it, or correct REDIS_URL. Until then steps and refreshes on demand go on."),
    ];
  }
}

async function connectors({ config, store }: Patient): Promise<readonly Remark[]> {
  const found: Remark[] = [];
  const log: Log = (level, message) => {
    const cure = "`jackfield validate` on its folder shows all of it; until then the connector is left out.";
    if (level === "error") found.push(problem(message.trim(), cure));
  };
  const published = store?.store.manifests ?? { list: async () => [], put: nothing, delete: async () => false };
  const versions = await loadAuthVersions({
    store: {
      list: async () => (await store?.store.auth_versions.list()) ?? [],
      get: async () => undefined,
      put: nothing,
      removeUnused: async () => [],
    },
    clock: Date.now,
    log,
  });
  const plainHttp = allowsPlainHttp(config.allowPrivateNetworks);
  const catalog = await loadCatalog({ folders: foldersOf(config), published, versions, usable: () => true, plainHttp, log });
  return found.length > 0 ? found : [ok(`${catalog.list().length} connectors, all valid.`)];
}

const nothing = async (): Promise<void> => {};

async function publicUrl({ config }: Patient): Promise<readonly Remark[]> {
  const url = config.publicUrl ?? `http://localhost:${config.port}`;
  const local = isLocal(new URL(url));
  try {
    const answer = await fetch(`${url}/v1/platform`, { redirect: "manual", signal: AbortSignal.timeout(5_000) });
    const { url: told } = (await answer.json().catch(() => ({}))) as { url?: unknown };
    if (told === url) return [ok(`${url} leads to Jackfield${local ? ", on this machine alone" : ""}.`)];
    const cure = "Have the proxy pass everything on, or correct PUBLIC_URL.";
    if (typeof told === "string") return [problem(`${url} leads to a Jackfield that calls itself ${told}.`, cure)];
    return [problem(`${url} answers ${answer.status}, and not as Jackfield does.`, cure)];
  } catch (error) {
    const code = causeOf(error);
    if (local) return [ok(`Nothing answers at ${url} now (${code}).`)];
    const isTls = /CERT|SELF_SIGNED|ALTNAME|SSL|TLS|LEAF/.test(code);
    if (isTls)
      return [
        problem(`The certificate of ${url} is not trusted (${code}).`, "Give the proxy one that browsers and providers trust."),
      ];
    return [
      warning(
        `Nothing answers at ${url} from here (${code}).`,
        "Start a process, and see that the name and the proxy lead to it.",
      ),
    ];
  }
}

function causeOf(error: unknown): string {
  const { code } = ((error as Error | undefined)?.cause ?? {}) as { code?: unknown };
  return typeof code === "string" ? code : error instanceof Error ? error.name : "no answer";
}

function certificates(file: string | undefined): readonly Remark[] {
  const own = `Node.js brings ${rootCertificates.length} authorities`;
  if (file === undefined || file === "") return [ok(`${own}; NODE_EXTRA_CA_CERTS adds none.`)];
  const cure =
    "Give in NODE_EXTRA_CA_CERTS a file of certificates in PEM. Node.js itself goes on without it, and says so only once.";
  const blocks = existsSync(file)
    ? (readFileSync(file, "utf8").match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [])
    : [];
  if (blocks.length === 0) return [problem(`${file} holds no certificate that can be read.`, cure)];
  try {
    const ended = blocks.map((block) => new X509Certificate(block)).filter(({ validTo }) => Date.parse(validTo) < Date.now());
    if (ended.length === blocks.length) return [warning(`The certificates in ${file} have all ended.`, "Replace them.")];
  } catch {
    return [problem(`${file} holds a damaged certificate.`, cure)];
  }
  return [ok(`${own}; ${file} adds ${blocks.length}.`)];
}
