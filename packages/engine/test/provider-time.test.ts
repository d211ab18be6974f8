import { providerTime } from "../src/grant/exchange.ts";

const sentAt = Date.UTC(2027, 0, 1, 12);
const at = (time: number) => providerTime({ headers: { date: new Date(time).toUTCString() }, sentAt });

test("A provider whose clock is wrong is believed in its own points in time", () => {
  expect(at(sentAt + 300_000)).toBe(sentAt + 300_000);
  expect(at(sentAt - 300_000)).toBe(sentAt - 300_000);
});

test.each([
  ["a second of difference", new Date(sentAt + 1000).toUTCString()],
  ["no date", undefined],
  ["a date that is none", "yesterday"],
])("Our own clock counts with %s", (_, date) => {
  expect(providerTime({ headers: date === undefined ? {} : { date }, sentAt })).toBe(sentAt);
});
