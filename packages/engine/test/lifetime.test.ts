import { jwtLifetime, lifetimeOf } from "../src/grant/lifetime.ts";

const now = Date.parse("2026-01-31T12:00:00Z");
const hour = 3_600_000;

test.each([
  ["a number of seconds", 3600, undefined],
  ["a text that is one", "3600", undefined],
  ["a time in seconds", now / 1000 + 3600, undefined],
  ["a time in milliseconds", now + hour, undefined],
  ["a time in milliseconds, as a text", String(now + hour), undefined],
  ["ISO 8601", "2026-01-31T13:00:00Z", undefined],
  ["ISO 8601 with an offset", "2026-01-31T15:00:00+02:00", undefined],
  ["minutes", 60, "m"],
  ["milliseconds", hour, "ms"],
  ["a declared time in seconds", now / 1000 + 3600, "at_s"],
  ["a declared time in milliseconds", now + hour, "at_ms"],
] as const)("A lifetime is understood as %s", (_, value, unit) => {
  expect(lifetimeOf(value, unit, now)).toBe(hour);
});

test.each([
  ["nothing", undefined],
  ["null", null],
  ["words", "soon"],
  ["zero", 0],
  ["a negative number", -5],
  ["a past time", now / 1000 - 60],
  ["a list", [1]],
])("%s is no lifetime", (_, value) => {
  expect(lifetimeOf(value, undefined, now)).toBeUndefined();
});

test("A lifetime beyond ten years counts as ten years", () => {
  expect(lifetimeOf(900_000_000, "s", now)).toBe(10 * 365 * 24 * hour);
});

test("A JSON Web Token tells its own end, and nothing else does", () => {
  const token = (claims: object) => `e30.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.c2ln`;
  expect(jwtLifetime(token({ exp: now / 1000 + 3600 }), now)).toBe(hour);
  expect(lifetimeOf(token({ exp: now / 1000 + 3600 }), "jwt", now)).toBe(hour);
  for (const other of ["opaque", "a.b.c", token({}), token({ exp: "soon" }), 7]) expect(jwtLifetime(other, now)).toBeUndefined();
});
