import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createSealer, type KeyRing } from "@jackfield/engine";
import type { MasterKey } from "../src/config.ts";
import { openKeyRing } from "../src/keys.ts";
import { openStore, type SqliteStore } from "../src/store/sqlite.ts";
import { connection } from "./contract/store/records.ts";
import { temporary } from "./temporary.ts";

let folder: string;
let file: string;
let store: SqliteStore;

beforeEach(() => {
  folder = temporary();
  file = join(folder, "keys");
  store = openStore(join(folder, "store.db"));
});
afterEach(() => store.close());

const open = (configured?: readonly MasterKey[]) => openKeyRing(file, configured, store);
const made = (id: string): MasterKey => ({ id, key: randomBytes(32) });

async function sealSomething(keys: KeyRing): Promise<void> {
  const place = { workspace: "w", connector: "acme", id: "a", field: "credential" } as const;
  const sealed = createSealer(keys, randomBytes).seal(place, { access_token: "x" });
  await store.connections.insert(connection("a", { sealed_credential: sealed }), []);
}

test("the first start makes a key, whole and for its owner only, and the next start takes it", async () => {
  const first = await open();
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readdirSync(folder).filter((name) => name.startsWith("keys"))).toEqual(["keys"]);
  const again = await open();
  expect(again.active).toBe(first.active);
  expect(again.get(again.active)).toEqual(first.get(first.active));
  expect(first.get(first.active)).toHaveLength(32);
});

test("MASTER_KEYS are taken as they are: the first is active, and no file is made", async () => {
  const [a, b] = [made("a"), made("b")];
  const ring = await open([a, b]);
  expect(ring.active).toBe("a");
  expect(ring.get("b")).toEqual(b.key);
  expect(ring.get("c")).toBeUndefined();
  expect(existsSync(file)).toBe(false);
});

test("a key file that others can read is refused", async () => {
  await open();
  chmodSync(file, 0o640);
  await expect(open()).rejects.toThrow(/can be read by other users.*chmod 600/);
});

test("a lost key file is found at the start, and no new key takes its place", async () => {
  await open();
  rmSync(file);
  await expect(open()).rejects.toThrow(/is missing.*Restore the file/);
  expect(existsSync(file)).toBe(false);
});

test("another key under the same id is found at the start", async () => {
  await open([made("a")]);
  await expect(open([made("a")])).rejects.toThrow(/"a" is not the key that the store was sealed with/);
});

test("a key file with another key is found at the start and not overwritten", async () => {
  const { active } = await open();
  const other = `${active}:${randomBytes(32).toString("base64")}\n`;
  writeFileSync(file, other);
  await expect(open()).rejects.toThrow(/is not the key/);
  expect(readFileSync(file, "utf8")).toBe(other);
});

test("a key that records are still sealed with cannot be left out", async () => {
  const old = made("old");
  await sealSomething(await open([old]));
  await expect(open([made("new")])).rejects.toThrow(/sealed with the master key "old"/);
  const ring = await open([made("new"), old]);
  expect(ring.active).toBe("new");
});

test("leaving out the generated key tells where it is", async () => {
  await sealSomething(await open());
  await expect(open([made("new")])).rejects.toThrow(/keys may hold it: add its line to MASTER_KEYS/);
});

test("a key that nothing is sealed with any more may go, and its id be used again", async () => {
  await open([made("old")]);
  await open([made("new")]);
  expect((await open([made("old"), ...[]])).active).toBe("old");
});

test.each(["", "\n# nothing\n", "a", "a:", "a:c2hvcnQ=", `a:${"A".repeat(44)}:b`])(
  "a damaged key file (%j) is refused and left alone",
  async (text) => {
    writeFileSync(file, text, { mode: 0o600 });
    await expect(open()).rejects.toThrow(/Restore it from a backup/);
    expect(readFileSync(file, "utf8")).toBe(text);
  },
);

test("what is left of a start that was killed while it made the key does no harm", async () => {
  writeFileSync(`${file}.new`, "half", { mode: 0o600 });
  const ring = await open();
  expect((await open()).get(ring.active)).toEqual(ring.get(ring.active));
  expect(existsSync(`${file}.new`)).toBe(false);
});
