// @ts-check
/*
 * Node-RED, a peer that npm carries: a flow of http in, http request with a bearer token, and http response. It is installed when it is
 * first needed, into a folder of the user's cache.
 */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { homedir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { temporary } from "./connections.mjs";
import { endWithUs, now } from "./processes.mjs";

const version = "4.1.1";
const startMs = 60_000;
const installMs = 240_000;

/** The program; undefined where it cannot be had. */
function install() {
  // biome-ignore lint/suspicious/noUndeclaredEnvVars: the measurements are no task of turbo.
  const folder = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "jackfield-bench", `node-red-${version}`);
  const program = join(folder, "node_modules", "node-red", "red.js");
  if (existsSync(program)) return program;
  mkdirSync(folder, { recursive: true });
  const args = ["install", "--prefix", folder, "--no-save", "--ignore-scripts", "--no-audit", "--no-fund", `node-red@${version}`];
  const { status } = spawnSync("npm", args, { stdio: "ignore", timeout: installMs });
  return status === 0 && existsSync(program) ? program : undefined;
}

/** @returns {Promise<number>} a port that is free now */
function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(address !== null && typeof address === "object" ? address.port : 0));
    });
  });
}

/** @param {string} upstream @param {string} token */
const flowOf = (upstream, token) => [
  { id: "tab", type: "tab", label: "Pass" },
  { id: "in", z: "tab", type: "http in", url: "/pass", method: "get", wires: [["set"]] },
  {
    ...{ id: "set", z: "tab", type: "change", wires: [["ask"]] },
    rules: [
      { t: "set", p: "url", pt: "msg", to: `"${upstream}/json/" & req.query.size`, tot: "jsonata" },
      { t: "set", p: "headers", pt: "msg", to: JSON.stringify({ authorization: `Bearer ${token}` }), tot: "json" },
    ],
  },
  { id: "ask", z: "tab", type: "http request", method: "GET", ret: "obj", url: "", persist: true, wires: [["out"]] },
  { id: "out", z: "tab", type: "http response", wires: [] },
];

/** @param {string} upstream @param {string} token */
export async function startNodeRed(upstream, token) {
  const program = install();
  if (program === undefined) {
    process.stderr.write("Node-RED cannot be installed here, and is not measured.\n");
    return undefined;
  }
  const folder = temporary();
  const port = await freePort();
  writeFileSync(join(folder, "flows.json"), JSON.stringify(flowOf(upstream, token)));
  const settings = {
    ...{
      uiHost: "127.0.0.1",
      uiPort: port,
      flowFile: "flows.json",
      userDir: folder,
      httpAdminRoot: false,
      credentialSecret: false,
    },
    ...{ telemetry: { enabled: false }, logging: { console: { level: "fatal" } } },
  };
  writeFileSync(join(folder, "settings.js"), `module.exports = ${JSON.stringify(settings)};\n`);
  const child = spawn(process.execPath, [program, "--userDir", folder, "--settings", join(folder, "settings.js")], {
    stdio: "ignore",
  });
  endWithUs(child);
  const url = `http://127.0.0.1:${port}`;
  for (const began = now(); now() - began < startMs; await sleep(100)) {
    const answer = await fetch(`${url}/pass?size=1000`).catch(() => undefined);
    if (answer?.status === 200 && (await answer.text()).includes("items")) return { child, url };
  }
  child.kill("SIGKILL");
  process.stderr.write("Node-RED does not start here, and is not measured.\n");
  return undefined;
}
