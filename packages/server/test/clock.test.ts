import { followClock } from "../src/clock.ts";

const minutes = 60_000;
const at = Date.UTC(2026, 0, 1);

beforeEach(() => jest.useFakeTimers());
afterEach(() => jest.useRealTimers());

test("a process goes by the store's clock, however wrong its own is, and says so once", async () => {
  let own = at;
  let ahead = 5 * minutes;
  const said: unknown[] = [];
  const store = { time: async () => own + ahead };
  const clock = await followClock(
    store,
    () => own,
    (level, _message, fields) => said.push([level, fields]),
  );
  expect(clock.now()).toBe(at + 5 * minutes);
  own += 1234;
  expect(clock.now()).toBe(at + 5 * minutes + 1234);
  await jest.advanceTimersByTimeAsync(minutes);
  expect(said).toEqual([["warn", { offset_ms: 5 * minutes }]]);
  ahead = -3 * minutes;
  await jest.advanceTimersByTimeAsync(minutes);
  expect(clock.now()).toBe(own - 3 * minutes);
  expect(said).toHaveLength(2);
  clock.stop();
  ahead = 0;
  await jest.advanceTimersByTimeAsync(10 * minutes);
  expect(clock.now()).toBe(own - 3 * minutes);
});

test("what it takes to ask is not taken for a difference, and the quickest answer counts", async () => {
  let own = at;
  const delays = [800, 20, 300];
  const store = {
    async time() {
      const delay = delays.shift() ?? 0;
      own += delay;
      const now = own;
      own += delay === 20 ? 20 : 0;
      return now;
    },
  };
  const clock = await followClock(store, () => own, fail);
  expect(clock.now()).toBe(own);
  clock.stop();
});

test("a store that does not answer for a while changes nothing; one that does not answer at the start is told", async () => {
  let answers = true;
  const store = {
    time: async () => {
      if (!answers) throw new Error("away");
      return at + 500;
    },
  };
  const clock = await followClock(
    store,
    () => at,
    () => {},
  );
  answers = false;
  await jest.advanceTimersByTimeAsync(minutes);
  expect(clock.now()).toBe(at + 500);
  clock.stop();
  await expect(followClock(store, () => at, fail)).rejects.toThrow("away");
});

function fail(): void {
  throw new Error("nothing was to be said");
}
