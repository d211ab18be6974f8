import { LeaseLost, underLease } from "../src/connection/lease.ts";
import type { Runtime } from "../src/runtime.ts";

const lease = { key: "refresh/con_1", owner: "this", ms: 1_000, late: "Another process is still at it." };

/** What a lease needs of a runtime, over a clock that only moves when it is told to. */
function world() {
  const held = new Map<string, { owner: string; until: number }>();
  const time = { now: 0 };
  const leases = {
    async acquire(key: string, owner: string, now: number, until: number) {
      const other = held.get(key);
      if (other !== undefined && other.owner !== owner && other.until > now) return false;
      held.set(key, { owner, until });
      return true;
    },
    renew: async (key: string, owner: string) => held.get(key)?.owner === owner,
    async release(key: string, owner: string) {
      if (held.get(key)?.owner === owner) held.delete(key);
    },
  };
  const runtime = {
    store: { leases },
    clock: () => time.now,
    random: (bytes: number) => Buffer.alloc(bytes, 128),
    async sleep(ms: number) {
      time.now += ms;
    },
    log: () => {},
  } as unknown as Runtime;
  return { runtime, time, held };
}

const nothing = async () => undefined;

test("work that lost its lease begins anew", async () => {
  const { runtime, held } = world();
  let times = 0;
  const done = await underLease(runtime, lease, nothing, async () => {
    times += 1;
    if (times === 1) throw new LeaseLost();
    return "done";
  });
  expect([done, times, held.size]).toEqual(["done", 2, 0]);
});

test("who loses the lease again and again is told to try again, and leaves it free", async () => {
  const { runtime, time, held } = world();
  const losing = underLease(runtime, lease, nothing, async () => {
    time.now += 600;
    throw new LeaseLost();
  });
  await expect(losing).rejects.toMatchObject({ code: "provider_timeout", message: "Another process is still at it." });
  expect(held.size).toBe(0);
});
