import { appOf, createPace } from "../src/connection/upkeep/pace.ts";

const setup = () => {
  let now = 1_000;
  const pace = createPace(() => now);
  const open: (() => void)[] = [];
  const slow = () => new Promise<void>((resolve) => open.push(resolve));
  const pass = (ms: number) => {
    now += ms;
  };
  return { pace, slow, open, pass };
};

const ask = (pace: ReturnType<typeof createPace>, app: string, work: () => Promise<void>) => pace.run(app, work);

test("sixteen of one app run at a time, and a provider that answers slowly keeps no other app waiting", async () => {
  const { pace, slow, open } = setup();
  const first = Array.from({ length: 16 }, () => ask(pace, "slow", slow));
  expect(await ask(pace, "slow", slow)).toBeGreaterThan(0);
  expect(open).toHaveLength(16);
  let done = false;
  const work = async () => {
    done = true;
  };
  expect([await ask(pace, "quick", work), done]).toEqual([0, true]);
  for (const end of open) end();
  expect(await Promise.all(first)).toEqual(first.map(() => 0));
  expect([await ask(pace, "slow", work), done]).toEqual([0, true]);
});

test("those who wait are sent back for different times, by how long the others take", async () => {
  const { pace, slow, open, pass } = setup();
  const first = Array.from({ length: 16 }, () => ask(pace, "app", slow));
  const early = [await ask(pace, "app", slow), await ask(pace, "app", slow), await ask(pace, "app", slow)];
  expect(early.toSorted((one, other) => one - other)).toEqual(early);
  expect(new Set(early).size).toBe(3);
  pass(60_000);
  for (const end of open) end();
  await Promise.all(first);
  const second = Array.from({ length: 16 }, () => ask(pace, "app", slow));
  expect(await ask(pace, "app", slow)).toBeGreaterThan(early[0] ?? 0);
  for (const end of open) end();
  await Promise.all(second);
});

test("whom a provider asks to wait, nobody of that app comes to before", async () => {
  const { pace, pass } = setup();
  let count = 0;
  const work = async () => {
    count += 1;
  };
  pace.hold("app", 5_000);
  const wait = await ask(pace, "app", work);
  expect(wait).toBeGreaterThanOrEqual(5_000);
  expect([await ask(pace, "other", work), count]).toEqual([0, 1]);
  pass(wait);
  expect([await ask(pace, "app", work), count]).toEqual([0, 2]);
  // However long it wants: the store's own time counts for each connection.
  pace.hold("app", 10 * 86_400_000);
  expect(await ask(pace, "app", work)).toBeLessThanOrEqual(60_000);
});

test("connections of one client are one app, and one with a client of its own is its own", () => {
  const record = { id: "con_1", workspace: "w", connector: "acme", auth: "oauth", environment: "production", client_id: "id" };
  const key = (change: object) => appOf({ ...record, ...change } as Parameters<typeof appOf>[0]);
  expect(key({ id: "con_2" })).toBe(key({}));
  expect(key({ client_id: "other" })).not.toBe(key({}));
  expect(key({ client_id: null })).not.toBe(key({ client_id: null, id: "con_2" }));
});
