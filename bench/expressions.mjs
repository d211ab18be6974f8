// @ts-check
/*
 * What evaluating an expression costs: plain paths, which never enter JSONata, and the limits that are set to all others.
 */
import { compileExpression } from "@jackfield/manifest";
import jsonata from "jsonata";

const data = {
  me: { user: { name: "Jane" } },
  body: { channels: Array.from({ length: 20 }, (_, id) => ({ id, name: `channel ${id}`, is_member: id % 2 === 0 })) },
};
const plain = "me.user.name";
const computed = "[body.channels[is_member].{ 'id': id, 'name': name }]";

/** Microseconds that one call takes. @param {number} count @param {() => unknown} call */
async function time(count, call) {
  for (let i = 0; i < count / 10; i++) await call();
  const began = performance.now();
  for (let i = 0; i < count; i++) await call();
  return ((performance.now() - began) * 1000) / count;
}

/** @param {string} source @param {number} count */
async function ownAndBare(source, count) {
  const own = compileExpression(source);
  const bare = jsonata(source);
  const expected = JSON.stringify(await bare.evaluate(data));
  if (JSON.stringify(await own.evaluate(data)) !== expected) throw new Error(`\`${source}\` gives something else than JSONata.`);
  return { own: await time(count, () => own.evaluate(data)), bare: await time(count, () => bare.evaluate(data)) };
}

/** @type {import("./run.mjs").Measure} */
export async function measure(count) {
  const path = await ownAndBare(plain, 20 * count);
  const other = await ownAndBare(computed, count);
  return [
    { what: "a plain path", ratio: path.own / path.bare, against: "the same in bare JSONata" },
    { what: "an expression with its limits", ratio: other.own / other.bare, against: "the same in bare JSONata" },
  ];
}
