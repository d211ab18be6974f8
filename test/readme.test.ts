import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Browser } from "./harness/browser.ts";
import { afterwards, cleanup, temporary } from "./harness/cleanup.ts";
import { send } from "./harness/http.ts";
import { until } from "./harness/wait.ts";

/*
 * The README's commands, run as they stand. Of its ```sh blocks, `setup` holds the two values that a reader fills in (they are set to
 * this start's own), `run` blocks are run in their order in one shell, and those marked `after-sign-in` after somebody has signed in at
 * the address that the block before printed. Blocks without a mark begin with `npm ci`, which .ci/run does in a fresh clone; what
 * follows it is run here.
 */

jest.setTimeout(180_000);
afterAll(cleanup);

const root = process.cwd();
const readme = readFileSync(join(root, "README.md"), "utf8");
const blocks = [...readme.matchAll(/^```sh *([^\n]*)\n([\s\S]*?)^```$/gm)].map(([, mark = "", text = ""]) => ({
  mark: mark.trim(),
  text,
}));

/** A shell that stays open from block to block. */
class Shell {
  readonly #child: ChildProcess;
  #output = "";

  constructor(env: Readonly<Record<string, string | undefined>>) {
    this.#child = spawn("bash", ["--noprofile", "--norc"], {
      cwd: root,
      env: { ...env, NODE_ENV: undefined },
      stdio: ["pipe", "pipe", "pipe"],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) stream?.on("data", (chunk) => (this.#output += chunk));
    afterwards(() => this.#child.kill("SIGKILL"));
  }

  async run(text: string): Promise<{ readonly output: string; readonly code: number }> {
    this.#output = "";
    this.#child.stdin?.write(`{ ${text}\n} ; echo "<end $?>"\n`);
    const [, output = "", code] = await until("the commands to end", () => /^([\s\S]*)<end (\d+)>\n$/.exec(this.#output), {
      timeout: 90_000,
    });
    return { output, code: Number(code) };
  }
}

/** Runs `npm start` as a reader does, on a free port and an empty data folder. */
async function npmStart(command: string) {
  const data = temporary();
  const child = spawn("bash", ["-c", command], {
    cwd: root,
    detached: true,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, PORT: "0", DATA_DIR: join(data, "data") },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let printed = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (printed += chunk));
  afterwards(async () => {
    if (child.exitCode !== null || child.pid === undefined) return;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    process.kill(-child.pid, "SIGKILL");
    await gone;
  });
  const address = () => {
    if (child.exitCode !== null) throw new Error(`\`${command}\` ended:\n${printed}`);
    return /^ *Address +(\S+)$/m.exec(printed)?.[1];
  };
  const url = await until("the address", address, { timeout: 120_000 });
  await until("the start", async () => (await send(`${url}/readyz`).catch(() => undefined))?.status === 200);
  const key = /\b(jf_\S+)/.exec(printed)?.[1] ?? "";
  const link = /http:\/\/\S*sign-in\S*/.exec(printed)?.[0] ?? "";
  return { url, key, link };
}

/** Chooses Ada at the Sandbox and allows. */
async function signInAsAda(authorizationUrl: string): Promise<string> {
  const browser = new Browser();
  const chosen = await browser.press(await browser.open(authorizationUrl), ["person", "person_ada"]);
  const done = await browser.press(chosen, ["decision", "allow"]);
  return done.answer?.text ?? "";
}

const hasCurl = (() => {
  try {
    execFileSync("curl", ["--version"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();

test("every shell block of the README is one that is run", () => {
  expect(blocks.length).toBeGreaterThanOrEqual(5);
  for (const { mark, text } of blocks) {
    if (mark === "") expect(text).toMatch(/^npm ci && npm (start|test)\n$/);
    else expect(["setup", "run", "run after-sign-in"]).toContain(mark);
  }
  const ci = readFileSync(join(root, ".ci/run"), "utf8");
  expect(ci).toContain("npm ci");
  expect(ci).toContain("npm test");
});

(hasCurl ? test : test.skip)("its commands, run in their order, lead to Ada's Sandbox and a step's output", async () => {
  const { url, key, link } = await npmStart("npm start");
  expect(key).not.toBe("");
  expect(link.startsWith(url)).toBe(true);
  const shell = new Shell({ PATH: process.env.PATH, HOME: process.env.HOME });
  const outputs: string[] = [];
  for (const { mark, text } of blocks) {
    if (mark === "") continue;
    if (mark === "run after-sign-in") {
      const authorizationUrl = /"authorization_url": ?"([^"]+)"/.exec(outputs.at(-1) ?? "")?.[1] ?? "";
      expect(authorizationUrl.startsWith(url)).toBe(true);
      expect(await signInAsAda(authorizationUrl)).toContain("Ada&#39;s Sandbox");
    }
    const filled = mark === "setup" ? text.replace(/(JACKFIELD)=\S+/, `$1=${url}`).replace(/(KEY)=\S+/, `$1=${key}`) : text;
    const { output, code } = await shell.run(filled);
    expect({ text, code, output: code === 0 ? "" : output }).toEqual({ text, code: 0, output: "" });
    expect(output).not.toContain("problem+json");
    expect(output).not.toMatch(/"code": ?"[a-z_]+", ?"detail"/);
    outputs.push(output);
  }
  const all = outputs.join("\n");
  for (const part of [
    '"name":"sandbox"',
    `"label":"Ada's Sandbox"`,
    '"status":"connected"',
    '"output":[',
    '"id":"person_ada"',
    '"type":"authorized"',
  ])
    expect(all.replaceAll('": ', '":')).toContain(part);
});

test("every file that the documents link to is there", () => {
  const top = new Set([...readdirSync(root), ...readdirSync(join(root, "connectors"))]);
  for (const name of ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"]) {
    const links = [...readFileSync(join(root, name), "utf8").matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)].map(
      ([, link = ""]) => link,
    );
    for (const link of links)
      expect([name, link, top.has(link.replace(/\/$/, "").split("/")[0] ?? "")]).toEqual([name, link, true]);
  }
});
