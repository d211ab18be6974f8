import { join } from "node:path";
import { createApiKeys } from "../src/access/api-keys.ts";
import type { HostStore } from "../src/store/port.ts";
import { openStore } from "../src/store/sqlite.ts";
import { temporary } from "./temporary.ts";

/** The keys of a store that counts how often one is looked for, and waits with the answer as long as it is told to. */
async function setUp() {
  const store = openStore(join(temporary(), "store.db"));
  await store.workspaces.put("default", new Date().toISOString());
  const asked = { times: 0, hold: Promise.resolve() };
  const counting: HostStore["keys"] = {
    ...store.keys,
    async find(hash) {
      asked.times += 1;
      const found = await store.keys.find(hash);
      await asked.hold;
      return found;
    },
  };
  const clock = { now: Date.parse("2030-01-01T00:00:00Z") };
  return { asked, clock, keys: createApiKeys(counting, () => clock.now), elsewhere: createApiKeys(store.keys, () => clock.now) };
}

test("a key that was found is not looked for again within a second", async () => {
  const { asked, clock, keys } = await setUp();
  const { text, key } = await keys.create({ workspace: "default", name: "A", role: "user" });
  for (let turn = 0; turn < 5; turn += 1) expect((await keys.find(text))?.id).toBe(key.id);
  expect(asked.times).toBe(1);
  clock.now += 1000;
  await keys.find(text);
  expect(asked.times).toBe(2);
});

test("a key that is revoked here ends at once, also while it is being looked for", async () => {
  const { asked, keys } = await setUp();
  const { text, key } = await keys.create({ workspace: "default", name: "A", role: "user" });
  let release = () => {};
  asked.hold = new Promise((resolve) => {
    release = resolve;
  });
  const looking = keys.find(text);
  await keys.revoke("default", key.id);
  release();
  await looking;
  expect(await keys.find(text)).toBeUndefined();
});

test("a key that another process revokes ends within a second", async () => {
  const { clock, keys, elsewhere } = await setUp();
  const { text, key } = await keys.create({ workspace: "default", name: "A", role: "user" });
  await keys.find(text);
  await elsewhere.revoke("default", key.id);
  clock.now += 1000;
  expect(await keys.find(text)).toBeUndefined();
});

test("an unknown key is looked for each time", async () => {
  const { asked, keys } = await setUp();
  for (let turn = 0; turn < 3; turn += 1) expect(await keys.find("jf_unknown")).toBeUndefined();
  expect(asked.times).toBe(3);
});
