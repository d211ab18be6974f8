import { createScouts } from "../src/connection/app/scouts.ts";

const turns = async () => {
  for (let n = 0; n < 20; n += 1) await Promise.resolve();
};

/** Asks that end when they are told to. */
function asking() {
  const asked: { readonly key: string; readonly end: () => void; readonly fail: () => void }[] = [];
  const scouts = createScouts();
  const run = (key: string) =>
    scouts.run(key, () => new Promise<void>((end, fail) => asked.push({ key, end, fail: () => fail(new Error("refused")) })));
  return { asked, run };
}

test("The first asks alone, the others go together when it has its answer, whatever it is", async () => {
  for (const how of ["end", "fail"] as const) {
    const { asked, run } = asking();
    const runs = Promise.allSettled([run("a"), run("a"), run("a")]);
    await turns();
    expect(asked).toHaveLength(1);
    asked[0]?.[how]();
    await turns();
    expect(asked).toHaveLength(3);
    for (const { end } of asked) end();
    expect((await runs).map(({ status }) => status)).toEqual([
      how === "end" ? "fulfilled" : "rejected",
      "fulfilled",
      "fulfilled",
    ]);
  }
});

test("Who comes while others run after a first answer does not wait, and who comes to an empty place is a first again", async () => {
  const { asked, run } = asking();
  const first = [run("a"), run("a")];
  await turns();
  asked[0]?.end();
  await turns();
  const late = run("a");
  await turns();
  expect(asked).toHaveLength(3);
  for (const { end } of asked) end();
  await Promise.all([...first, late]);
  const again = [run("a"), run("a")];
  await turns();
  expect(asked).toHaveLength(4);
  asked[3]?.end();
  await turns();
  asked[4]?.end();
  await Promise.all(again);
});

test("Another key waits for nobody", async () => {
  const { asked, run } = asking();
  const runs = [run("a"), run("b")];
  await turns();
  expect(asked.map(({ key }) => key)).toEqual(["a", "b"]);
  for (const { end } of asked) end();
  await Promise.all(runs);
});
