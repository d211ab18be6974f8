import { latencyOf } from "../src/latency.ts";

const of = (...durations: (number | undefined)[]) =>
  latencyOf(durations.map((duration_ms) => (duration_ms === undefined ? {} : { duration_ms })));

test("the latency of several tests is told by the quickest, the slowest and the one in the middle", () => {
  expect(of(30, 10, 20)).toEqual({ count: 3, min: 10, median: 20, max: 30 });
  expect(of(40, 10, 20, 30)).toEqual({ count: 4, min: 10, median: 25, max: 40 });
  expect(of(7)).toEqual({ count: 1, min: 7, median: 7, max: 7 });
});

test("tests without a duration count for nothing", () => {
  expect(of(undefined, 5)).toEqual({ count: 1, min: 5, median: 5, max: 5 });
  expect(of(undefined)).toBeUndefined();
  expect(of()).toBeUndefined();
});
