import { join } from "node:path";
import fc from "fast-check";
import { compile } from "../src/compile.ts";
import { compileExpression, ExpressionError } from "../src/expression.ts";
import { manifestSchema } from "../src/json-schema.ts";
import { formatProblem } from "../src/problem.ts";
import { fits } from "../src/quick-shape.ts";
import { readThoroughly, readUsual } from "../src/source.ts";
import { searchFindings } from "../src/validate.ts";
import { judge, type Tools } from "./fuzz/judge.mjs";
import { basesBelow, manifestsBelow, mutantsOf } from "./fuzz/mutants.mjs";

const root = join(__dirname, "../../..");
const manifests = manifestsBelow(root);
const bases = basesBelow(root);
const tools: Tools = {
  compile: (text, options) => compile(text, { ...options, bases }),
  formatProblem,
  readUsual,
  readThoroughly,
  fits: (data) => fits(manifestSchema, data),
  searchFindings,
};

// `npm run fuzz` does this a hundred thousand times, with other numbers.
test("whatever is done to a manifest, it ends in a connector or in problems, and haste changes nothing", () => {
  let mutants = 0;
  let connectors = 0;
  const small = manifests.filter((text) => text.length < 4000);
  const survives = fc.property(mutantsOf(small), (text) => {
    const { connector, milliseconds } = judge(text, tools);
    // What grows without bound takes minutes; a machine that is busy may take seconds for anything.
    expect(milliseconds).toBeLessThan(20_000);
    mutants++;
    if (connector) connectors++;
  });
  fc.assert(survives, { seed: 20_240_607, numRuns: 6000, interruptAfterTimeLimit: 25_000 });
  // On a busy machine it ends before the last of them.
  expect(mutants).toBeGreaterThan(100);
  expect(connectors / mutants).toBeGreaterThan(0.01);
}, 120_000);

test("manifests as they are usually written are read without the parser, and found to fit without the validator", () => {
  const usual = manifests.filter((text) => compile(text, { file: "connector.yaml", bases }).problems.length === 0);
  const quick = usual.map((text) => readUsual(text)).filter((data) => data !== undefined);
  expect(quick.length).toBeGreaterThan(0.9 * usual.length);
  const alone = quick.filter((data) => !Object.hasOwn(data as object, "extends"));
  expect(alone.filter((data) => !tools.fits(data))).toEqual([]);
});

/** Numbers below a limit, the same ones each time. */
function sequence(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

const tokens = [
  ..."abc.()[]{}<>+-*/%&=?:;,@#^|~$'\"`!\\ 019",
  "$x",
  "$$",
  ":=",
  "~>",
  "??",
  "?:",
  "..",
  "**",
  "function($x){",
  "λ($y){",
  " and ",
  " or ",
  " in ",
  "$map(",
  "$string(",
  "$replace(",
  "/a+/",
  "'text'",
  "[1..9]",
  "{'k': ",
  "true",
  "null",
];

test("whatever an expression is made of, it ends in a value or in an ExpressionError", async () => {
  const random = sequence(77);
  const began = performance.now();
  const data = {
    a: [
      { b: 1, c: "x" },
      { b: [2, null], c: {} },
    ],
    b: "text",
    c: null,
    x: 5,
  };
  let values = 0;
  for (let run = 0; run < 6000 && performance.now() - began < 60_000; run++) {
    const source = Array.from({ length: 1 + random(14) }, () => tokens[random(tokens.length)]).join("");
    try {
      const result = await compileExpression(source).evaluate(data);
      expect(() => JSON.stringify(result)).not.toThrow();
      values++;
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw new Error(`${source}: ${String(error)}`, { cause: error });
      expect(error.position ?? 0).toBeLessThanOrEqual(source.length);
    }
  }
  expect(values).toBeGreaterThan(150);
}, 120_000);
