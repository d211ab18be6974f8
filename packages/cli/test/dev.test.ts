import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

jest.setTimeout(60_000);

const manifest = (title: string, action = "list_items") => `manifest: 1
name: acme
title: ${title}
base_url: https://api.acme.example
auth:
  key:
    type: api_key
    test: { request: { path: /me } }
    label: "{{ me.name }}"
    unique_id: me.id
actions:
  ${action}: { title: List items, request: { path: /items } }
`;

let folder: string;
let child: ChildProcess;
let output = "";

async function until<T>(what: string, look: () => T | undefined | Promise<T | undefined>): Promise<T> {
  const end = Date.now() + 30_000;
  while (Date.now() < end) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${what} did not come:\n${output}`);
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "jackfield-dev-"));
  mkdirSync(join(folder, "connectors/acme"), { recursive: true });
  writeFileSync(join(folder, "connectors/acme/connector.yaml"), manifest("Acme"));
  child = spawn(process.execPath, [join(process.cwd(), "packages/cli/bin/jackfield.js"), "dev", "acme"], {
    cwd: folder,
    env: {
      PATH: process.env.PATH,
      HOME: folder,
      HOST: "127.0.0.1",
      PORT: "0",
      ADMIN_API_KEY: "jf_a-key-of-a-test-that-is-long-enough",
    },
  });
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk) => (output += chunk));
  await until("the first check", () => /acme: 0 errors.*taken over/.test(output) || undefined);
});

afterAll(() => {
  child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

const address = () => /Address +(\S+)/.exec(output)?.[1] ?? "";
const headers = { authorization: "Bearer jf_a-key-of-a-test-that-is-long-enough" };
const titleNow = async () =>
  ((await (await fetch(`${address()}/v1/connectors/acme`, { headers })).json()) as { title: string }).title;

test("a saved manifest is taken over at once, and pages that listen are told", async () => {
  const stream = await fetch(`${address()}/v1/connectors/acme`, { headers: { ...headers, accept: "text/event-stream" } });
  const reader = stream.body?.getReader();
  writeFileSync(join(folder, "connectors/acme/connector.yaml"), manifest("Acme Files"));
  await until("the new title", async () => (await titleNow()) === "Acme Files" || undefined);
  const { value } = (await reader?.read()) ?? {};
  expect(Buffer.from(value ?? []).toString()).toContain('event: change\ndata: {"name":"acme"}');
  await reader?.cancel();
});

test("a manifest with an error is shown and leaves the one before in place", async () => {
  const before = output.length;
  writeFileSync(join(folder, "connectors/acme/connector.yaml"), manifest("Worse").replace("path: /items", "pth: /items"));
  await until(
    "the problem",
    () =>
      /^connectors\/acme\/connector\.yaml:\d+:\d+ .*unknown_key.*Did you mean `path`/m.test(output.slice(before)) || undefined,
  );
  await until("the outcome", () => /1 error, \d+ warnings?; not taken over/.test(output.slice(before)) || undefined);
  expect(await titleNow()).toBe("Acme Files");
});

test("what is no connector is wrong usage", async () => {
  const wrong = spawn(process.execPath, [join(process.cwd(), "packages/cli/bin/jackfield.js"), "dev", "nothing"], {
    cwd: folder,
  });
  let said = "";
  wrong.stderr.on("data", (chunk) => (said += chunk));
  const status = await new Promise((resolve) => wrong.once("close", resolve));
  expect([status, said]).toEqual([2, expect.stringContaining("There is no connector.yaml in nothing")]);
});
