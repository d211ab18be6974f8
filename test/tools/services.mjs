// @ts-check
/*
 * What the tests need beside Node: a browser and the servers of the scale-out shape. One row for each: how it is found, how it is had
 * where it is not here, and, for a server, how one is started. `npm test` installs what is lacking; a suite that is run by itself
 * takes what is there.
 */
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { connect, createServer } from "node:net";
import { homedir, tmpdir } from "node:os";
import { basename, delimiter, join } from "node:path";
import { setTimeout } from "node:timers/promises";

/**
 * @typedef {object} Service
 * @property {string} title
 * @property {string} suites what cannot be run without it
 * @property {string} variable the environment variable that names its executable, and that the tests read
 * @property {() => Promise<string | undefined>} find its executable, if it is here
 * @property {() => Promise<void>} install tries everything to have it; says what it does
 */

/**
 * @typedef {object} Server
 * @property {string} url the variable with the URL of the instance that suites share
 * @property {string} theirs the product's own variable, which may name one as well
 * @property {(port: number) => string} urlOf
 * @property {(file: string, port: number, folder: string) => readonly string[]} args of the executable
 */

/** @param {string} name */
function onPath(name) {
  return (process.env.PATH ?? "")
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((file) => existsSync(file));
}

/**
 * What a variable names, which must be there, or else the first of these names on the PATH.
 * @param {string} variable
 * @param {readonly string[]} names
 */
function named(variable, names) {
  const given = process.env[variable];
  if (!given) return names.map(onPath).find((file) => file !== undefined);
  if (existsSync(given)) return given;
  throw new Error(`${variable} is ${given}, but there is no such file.`);
}

/** @param {string} name @param {string} what */
function aptGet(name, what) {
  if (process.getuid?.() !== 0 || !onPath("apt-get")) return;
  console.log(`${what} is not here. Installing ${name} with apt-get, for the tests …`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  /** @param {string[]} args */
  const apt = (args) => spawnSync("apt-get", args, { stdio: ["ignore", "ignore", "inherit"], env }).status === 0;
  if (!apt(["update"]) || !apt(["install", "-y", "--no-install-recommends", name]))
    console.log(`apt-get could not install ${name}.`);
}

const mongodbSource = join(import.meta.dirname, "mongodb");

/** Where the built server is kept: another source is another file. */
function builtMongodb() {
  const hash = createHash("sha256");
  for (const name of ["go.mod", "go.sum", "main.go", "serial.go"]) hash.update(readFileSync(join(mongodbSource, name)));
  hash.update(JSON.stringify(idPatches));
  // biome-ignore lint/suspicious/noUndeclaredEnvVars: the tests are no task of turbo.
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), ".cache");
  return join(cache, "jackfield-tests", `mongodb-${process.platform}-${process.arch}-${hash.digest("hex").slice(0, 16)}`);
}

const findGo = () => [onPath("go"), "/usr/local/go/bin/go"].find((file) => file !== undefined && existsSync(file));

function buildMongodb() {
  if (!findGo()) aptGet("golang", "Go, which builds a MongoDB-compatible server,");
  const go = findGo();
  if (!go) return;
  const target = builtMongodb();
  mkdirSync(join(target, ".."), { recursive: true });
  const made = `${target}.${process.pid}`;
  console.log("Building a MongoDB-compatible server for the tests, once: this takes one to three minutes …");
  const folder = mkdtempSync(join(tmpdir(), "jackfield-mongodb-"));
  const env = { ...process.env, CGO_ENABLED: "0", GOFLAGS: "-mod=mod" };
  /** @param {readonly string[]} args */
  const run = (args) => spawnSync(go, args, { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "inherit"], env });
  try {
    cpSync(mongodbSource, folder, { recursive: true });
    const { status, stdout } = run(["mod", "download", "-json", ferretDb]);
    if (status !== 0) return void console.log("It could not be downloaded: see above.");
    patched(JSON.parse(stdout).Dir, join(folder, "ferretdb"));
    run(["mod", "edit", "-replace", `${ferretDb}=./ferretdb`]);
    // Two that build at once both end with a whole file.
    if (run(["build", "-o", made, "."]).status === 0) renameSync(made, target);
    else console.log("It could not be built: see above.");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const ferretDb = "github.com/FerretDB/FerretDB";

/** What FerretDB reads a whole collection for, though it has an index of the ids: each with what lets it use that. */
const idPatches = [
  // To find one document by its `_id` and more; it judges what it has found by the whole filter anyway.
  ["collection.go", "if params.Filter.Len() == 1 {", "if params.Filter.Len() >= 1 {"],
  // SQLite takes an index of an expression only for what is written as that is.
  ["metadata/metadata.go", `"->'$._id'"`, '"->\\"_id\\""'],
];

/**
 * A copy of FerretDB's source with these.
 * @param {string} source
 * @param {string} target
 */
function patched(source, target) {
  cpSync(source, target, { recursive: true });
  // Nothing in the module cache may be written, nor in a copy of it, by who is not root.
  for (const entry of readdirSync(target, { recursive: true, withFileTypes: true }))
    if (entry.isDirectory()) chmodSync(join(entry.parentPath, entry.name), 0o755);
  for (const [name = "", before = "", after = ""] of idPatches) {
    const file = join(target, "internal/backends/sqlite", name);
    const text = readFileSync(file, "utf8");
    if (!text.includes(before)) throw new Error(`${file} is not as expected.`);
    rmSync(file);
    writeFileSync(
      file,
      text.replace(before, () => after),
    );
  }
}

/** A mongod of mongodb-memory-server's, in its own cache. It is fetched only where its server answers at all. */
async function downloadMongod() {
  const answers = await fetch("https://fastdl.mongodb.org/", { method: "HEAD", signal: AbortSignal.timeout(10_000) }).then(
    () => true,
    () => false,
  );
  if (!answers) return;
  console.log("There is no MongoDB here. Downloading one for the tests, once …");
  const program = 'import { MongoBinary } from "mongodb-memory-server-core"; await MongoBinary.getPath();';
  const done = spawnSync(process.execPath, ["--input-type=module", "-e", program], {
    cwd: import.meta.dirname,
    stdio: ["ignore", "ignore", "inherit"],
    timeout: 300_000,
  });
  if (done.status !== 0) console.log("It could not be downloaded: see above.");
}

async function downloadedMongod() {
  const { DryMongoBinary } = await import("mongodb-memory-server-core");
  return DryMongoBinary.locateBinary(DryMongoBinary.getEnsuredOptions());
}

/** @type {{ readonly chromium: Service, readonly redis: Service & Server, readonly mongodb: Service & Server }} */
export const services = {
  chromium: {
    title: "Chromium",
    suites: "THE BROWSER TESTS",
    variable: "CHROMIUM_PATH",
    find: async () => named("CHROMIUM_PATH", ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"]),
    install: async () => aptGet("chromium", "Chromium"),
  },
  redis: {
    title: "Redis",
    suites: "THE TESTS OF REDIS",
    variable: "TEST_REDIS_SERVER",
    find: async () => named("TEST_REDIS_SERVER", ["redis-server", "valkey-server"]),
    install: async () => aptGet("redis-server", "Redis"),
    url: "TEST_REDIS_URL",
    theirs: "REDIS_URL",
    urlOf: (port) => `redis://127.0.0.1:${port}`,
    args: (_file, port, folder) => [
      ...["--port", `${port}`, "--bind", "127.0.0.1", "--dir", folder],
      ...["--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction"],
    ],
  },
  mongodb: {
    title: "A MongoDB-compatible server",
    suites: "THE TESTS OF MONGODB",
    variable: "TEST_MONGODB_SERVER",
    async find() {
      const built = builtMongodb();
      return named("TEST_MONGODB_SERVER", ["mongod"]) ?? (await downloadedMongod()) ?? (existsSync(built) ? built : undefined);
    },
    async install() {
      await downloadMongod();
      if (!(await downloadedMongod())) buildMongodb();
    },
    url: "TEST_MONGODB_URL",
    theirs: "MONGODB_URL",
    urlOf: (port) => `mongodb://127.0.0.1:${port}`,
    args: (file, port, folder) =>
      // Ours is named after its source: mongodb-linux-x64-….
      /^mongod(-|\.|$)/.test(basename(file))
        ? ["--port", `${port}`, "--bind_ip", "127.0.0.1", "--dbpath", folder]
        : [`127.0.0.1:${port}`, folder],
  },
};

/**
 * A process of a server, once it takes connections.
 * @param {Server} server
 * @param {string} file
 * @param {string} folder
 * @param {number} [port] default: a free one
 */
export async function startServer(server, file, folder, port) {
  for (let attempt = 1; ; attempt += 1) {
    const at = port ?? (await freePort());
    const log = join(folder, "log");
    const output = openSync(log, "a");
    const child = spawn(file, server.args(file, at, folder), { stdio: ["ignore", output, output] });
    closeSync(output);
    if (await takesConnections(at, child)) return { child, port: at, url: server.urlOf(at) };
    child.kill("SIGKILL");
    // Somebody else may have taken the port meanwhile.
    if (attempt === 3) throw new Error(`${file} does not start:\n${readFileSync(log, "utf8").slice(-2000)}`);
  }
}

/** A port at which nobody listens yet. @returns {Promise<number>} */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(address !== null && typeof address === "object" ? address.port : 0));
    });
  });
}

/**
 * Waits for it, for at most half a minute; false: the process is gone, or does not answer.
 * @param {number} port
 * @param {import("node:child_process").ChildProcess} child
 */
async function takesConnections(port, child) {
  let gone = false;
  child.once("exit", () => {
    gone = true;
  });
  child.once("error", () => {
    gone = true;
  });
  for (const end = Date.now() + 30_000; Date.now() < end; ) {
    const connected = await new Promise((resolve) => {
      const socket = connect(port, "127.0.0.1", () => resolve(true)).once("error", () => resolve(false));
      socket.once("connect", () => socket.destroy());
    });
    // A process that could not have the port ends: what answered was another.
    if (connected) await setTimeout(20);
    if (gone || connected) return !gone;
    await setTimeout(20);
  }
  return false;
}
