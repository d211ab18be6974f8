import { randomBytes } from "node:crypto";
import { createSealer, type KeyRing, type Place, remembering } from "../src/connection/seal.ts";

const ring = (keys: Record<string, Buffer>, active: string): KeyRing => ({ active, get: (id) => keys[id] });
const first = randomBytes(32);
const second = randomBytes(32);
const place: Place = { workspace: "default", connector: "acme", id: "con_1", field: "credential" };
const sealer = createSealer(ring({ k1: first }, "k1"), randomBytes);

const broken = expect.objectContaining({ code: "seal_broken" });

test("What was sealed opens at its own place, and two seals of one value differ", () => {
  const one = sealer.seal(place, { access_token: "canary" });
  const two = sealer.seal(place, { access_token: "canary" });
  expect(sealer.open(place, one)).toEqual({ access_token: "canary" });
  expect(one).not.toBe(two);
  expect(one).not.toContain("canary");
  expect(Buffer.from(one, "base64url").toString("latin1")).not.toContain("canary");
});

test.each<[string, Partial<Place>]>([
  ["another workspace", { workspace: "other" }],
  ["another connector", { connector: "acme2" }],
  ["another record", { id: "con_2" }],
  ["another field", { field: "fields" }],
  ["parts that only look the same when joined", { workspace: "default|acme", connector: "" }],
])("A sealed text does not open in %s", (_, change) => {
  const sealed = sealer.seal(place, "canary");
  expect(() => sealer.open({ ...place, ...change }, sealed)).toThrow(broken);
});

test("Flipping any single bit of any byte of a sealed text is refused", () => {
  const sealed = Buffer.from(sealer.seal(place, "canary"), "latin1");
  for (let index = 0; index < sealed.length; index += 1) {
    for (const bit of [1, 2, 4, 32]) {
      const altered = Buffer.from(sealed);
      altered[index] = (altered[index] ?? 0) ^ bit;
      expect(() => sealer.open(place, altered.toString("latin1"))).toThrow(broken);
    }
  }
});

test("A shortened tag, an unknown form and an empty text are refused", () => {
  const sealed = sealer.seal(place, "canary");
  const [version, kid, key, box] = sealed.split(".");
  const short = Buffer.from(box ?? "", "base64url")
    .subarray(0, -12)
    .toString("base64url");
  for (const text of ["", "v1", `v2.${kid}.${key}.${box}`, `${version}.${kid}.${key}.${short}`, `${sealed}.x`, `${sealed}=`]) {
    expect(() => sealer.open(place, text)).toThrow(broken);
  }
});

test("Records of an older master key open while the key is in the ring, and name the key when it is not", () => {
  const old = sealer.seal(place, "canary");
  const rotated = createSealer(ring({ k1: first, k2: second }, "k2"), randomBytes);
  expect(rotated.open(place, old)).toBe("canary");
  const lost = createSealer(ring({ k2: second }, "k2"), randomBytes);
  expect(() => lost.open(place, old)).toThrow(/"k1" is not in the key ring/);
  const wrong = createSealer(ring({ k1: second }, "k1"), randomBytes);
  expect(() => wrong.open(place, old)).toThrow(broken);
});

test("A ring without a usable active key is refused at once", () => {
  expect(() => createSealer(ring({}, "k1"), randomBytes)).toThrow(broken);
  expect(() => createSealer(ring({ k1: randomBytes(16) }, "k1"), randomBytes)).toThrow(broken);
});

describe("What was opened is remembered", () => {
  let now = 0;
  let opened = 0;
  const open = (at: Place, sealed: string): unknown => {
    opened += 1;
    return sealer.open(at, sealed);
  };
  const counting = { ...sealer, open };
  const remembers = remembering(counting, () => now);
  beforeEach(() => {
    opened = 0;
  });

  test("by its text, for a minute, and cannot be changed by those who share it", () => {
    const sealed = remembers.seal(place, { raw: { access_token: "canary" } });
    const first = remembers.open(place, sealed) as { readonly raw: { access_token: string } };
    expect(remembers.open(place, sealed)).toBe(first);
    expect(() => {
      first.raw.access_token = "other";
    }).toThrow(TypeError);
    now += 60_000;
    expect(remembers.open(place, sealed)).toEqual(first);
    expect(opened).toBe(2);
  });

  test.each<[string, Partial<Place>]>([
    ["another workspace", { workspace: "other" }],
    ["another connector", { connector: "acme2" }],
    ["another record", { id: "con_2" }],
    ["another field", { field: "fields" }],
  ])("but it still does not open in %s, nor altered", (_, change) => {
    const sealed = remembers.seal(place, "canary");
    remembers.open(place, sealed);
    expect(() => remembers.open({ ...place, ...change }, sealed)).toThrow(broken);
    expect(() =>
      remembers.open(
        place,
        sealed.replace(/.$/, (last) => (last === "A" ? "Q" : "A")),
      ),
    ).toThrow(broken);
  });

  test("and only what steps open again and again", () => {
    const app = { ...place, field: "app" } as const;
    const sealed = remembers.seal(app, "canary");
    remembers.open(app, sealed);
    remembers.open(app, sealed);
    expect(opened).toBe(2);
  });
});
