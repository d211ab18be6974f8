import type { Auth } from "@jackfield/manifest";
import { backoff, isUsable, refreshDue } from "../src/connection/upkeep/expiry.ts";
import type { Credential } from "../src/grant/credential.ts";

const now = 1_700_000_000_000;
const hour = 3_600_000;
const least = (bytes: number): Buffer => Buffer.alloc(bytes, 0);
const most = (bytes: number): Buffer => Buffer.alloc(bytes, 0xff);

const auth = (refresh: object): Auth =>
  ({ type: "oauth2", refresh: { strategy: "refresh_token", leeway: undefined, ...refresh } }) as unknown as Auth;
const credential = (change: Partial<Credential>): Credential => ({
  access_token: "a",
  refresh_token: "r",
  token_type: "Bearer",
  expires_at: now + hour,
  lifetime: hour,
  scopes: undefined,
  ...change,
});

test("A refresh is due a fifth of the lifetime before the end, with jitter that only makes it earlier", () => {
  expect(refreshDue(auth({}), credential({}), now, least)).toBe(now + hour - hour / 5);
  expect(refreshDue(auth({}), credential({}), now, most)).toBe(now + hour - (hour / 5) * 1.1);
});

test("The leeway is never more than fifteen minutes unless the manifest says so", () => {
  const day = credential({ expires_at: now + 24 * hour, lifetime: 24 * hour });
  expect(refreshDue(auth({}), day, now, least)).toBe(now + 24 * hour - 15 * 60_000);
  expect(refreshDue(auth({ leeway: 2 * hour }), day, now, least)).toBe(now + 22 * hour);
});

test("A leeway longer than the lifetime makes a refresh due at half of it, not at once and for ever", () => {
  expect(refreshDue(auth({ leeway: 2 * hour }), credential({}), now, least)).toBe(now + hour / 2);
});

test("A token of a moment is left to the step that needs one", () => {
  expect(refreshDue(auth({}), credential({ expires_at: now + 1, lifetime: 1 }), now, least)).toBeUndefined();
  expect(refreshDue(auth({}), credential({ expires_at: now + 2_000, lifetime: 2_000 }), now, least)).toBe(now + 1_600);
});

test.each([
  ["no refresh token", auth({}), credential({ refresh_token: undefined })],
  ["an unknown end", auth({}), credential({ expires_at: undefined, lifetime: undefined })],
  ["a manifest that switches refreshing off", auth({ strategy: "none" }), credential({})],
])("No refresh is due with %s", (_, block, given) => {
  expect(refreshDue(block, given, now, least)).toBeUndefined();
});

test("A token is not sent in the last moments of its life, a tenth of a short one", () => {
  expect(isUsable(credential({}), now + hour - 10_001)).toBe(true);
  expect(isUsable(credential({}), now + hour - 10_000)).toBe(false);
  const short = credential({ expires_at: now + 5_000, lifetime: 5_000 });
  expect(isUsable(short, now + 4_499)).toBe(true);
  expect(isUsable(short, now + 4_500)).toBe(false);
});

test("A token whose end is unknown is used until the provider refuses it", () => {
  expect(isUsable(credential({ expires_at: undefined, lifetime: undefined }), now + 1000 * hour)).toBe(true);
});

test("The pause between failed refreshes doubles and ends at fifteen minutes", () => {
  expect([0, 1, 2, 3].map((failures) => backoff(failures, most))).toEqual([1_000, 2_000, 4_000, 8_000]);
  expect(backoff(50, most)).toBe(15 * 60_000);
  expect(backoff(1, least)).toBe(1_000);
});

const day = 24 * hour;

test("A refresh token that dies unused is used before, however long the access token lives", () => {
  const block = auth({ idle_max: 10 * day });
  const endless = credential({ expires_at: undefined, lifetime: undefined });
  expect(refreshDue(block, endless, now, least)).toBe(now + 9 * day);
  expect(refreshDue(block, endless, now, most)).toBe(now + 9 * day - 0.1 * day);
  expect(refreshDue(block, credential({ expires_at: now + 60 * day, lifetime: 60 * day }), now, least)).toBe(now + 9 * day);
  expect(refreshDue(block, credential({}), now, least)).toBe(now + hour - hour / 5);
});

test("What is asked for anew with stored keys has nothing that could die unused", () => {
  const block = auth({ strategy: "reissue", idle_max: 10 * day });
  expect(refreshDue(block, credential({ expires_at: undefined, lifetime: undefined }), now, least)).toBeUndefined();
});

test("A refresh token is used before the end that the provider told, and not again and again in its last minute", () => {
  const ending = { expires_at: undefined, lifetime: undefined, refresh_expires_at: now + hour };
  expect(refreshDue(auth({}), credential(ending), now, least)).toBe(now + hour - hour / 10);
  expect(refreshDue(auth({}), credential({ ...ending, refresh_expires_at: now + 59_000 }), now, least)).toBeUndefined();
});

test("A refresh is not due before the token is as old as the provider wants it", () => {
  expect(refreshDue(auth({ min_age: 55 * 60_000 }), credential({}), now, least)).toBe(now + 55 * 60_000);
  expect(refreshDue(auth({ min_age: 55 * 60_000 }), credential({}), now + 30 * 60_000, least)).toBe(now + 55 * 60_000);
});
