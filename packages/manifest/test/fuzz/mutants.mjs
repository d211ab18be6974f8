// @ts-check
/*
 * Manifests that somebody has damaged. A mutant is a manifest, a list of changes to its data and a list of changes to its text, each
 * of them a few numbers: so a seed and a number give the same mutant everywhere, and fast-check can leave changes out one by one
 * until it knows which of them did it.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { parse, stringify } from "yaml";

/** @typedef {{ kind: string, a: number, b: number, c: number }} Step */
/** @typedef {{ base: number, tree: readonly Step[], text: readonly Step[] }} Recipe */

/** Every connector and every golden manifest below the repository's root. @param {string} root */
export function manifestsBelow(root) {
  const connectors = join(root, "connectors");
  const golden = ["manifest", "problems"].map((name) => join(root, "test/golden", name));
  return [
    ...readdirSync(connectors)
      .map((name) => join(connectors, name, "connector.yaml"))
      .filter((file) => existsSync(file))
      .map((file) => readFileSync(file, "utf8")),
    // A golden file is a manifest, what is wrong with it, and perhaps another manifest, between lines of dashes.
    ...golden
      .flatMap((folder) => readdirSync(folder).map((name) => readFileSync(join(folder, name), "utf8").split(/\n-{80}\n/)))
      .flatMap(([wrong = "", , right]) => (right === undefined ? [`${wrong}\n`] : [`${wrong}\n`, `${right}\n`])),
  ];
}

/** What manifests extend. @param {string} root */
export function basesBelow(root) {
  const connectors = join(root, "connectors");
  const golden = join(root, "test/golden/bases");
  const texts = new Map([
    ...readdirSync(golden).map(
      (name) => /** @type {const} */ ([name.replace(/\..*$/, ""), readFileSync(join(golden, name), "utf8")]),
    ),
    ...readdirSync(connectors)
      .filter((name) => existsSync(join(connectors, name, "connector.yaml")))
      .map((name) => /** @type {const} */ ([name, readFileSync(join(connectors, name, "connector.yaml"), "utf8")])),
  ]);
  return { text: (/** @type {string} */ name) => texts.get(name), names: () => [...texts.keys()] };
}

/** Numbers below a limit, the same ones for the same seed. @param {number} seed */
function sequence(seed) {
  let state = (seed ^ 0x9e3779b9) >>> 0;
  return (/** @type {number} */ limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

/** @template T @param {readonly T[]} list @param {number} number @returns {T} */
const pick = (list, number) => /** @type {T} */ (list[number % list.length]);

const names = ["fields", "env", "app", "token", "me", "body", "input", "response", "page", "run", "hook", "item", "request", "x"];
const tokens = [
  ..."abc.()[]{}<>+-*/%&=?:;,@#^|~$'\"`!\\ 019",
  ...names.map((name) => `${name}.id`),
  ..."token.access_token app.client_secret fields.api_key env.host body.items".split(" "),
  ..."$x $$ := ~> ?? ?: .. ** function($x){ λ($y){ $map( $string( $replace( $hmac( $eval( /a+/ /(a+)+$/ 'text' [1..9] true null".split(
    " ",
  ),
  " and ",
  " or ",
  " in ",
  "{'k': ",
];

/** @param {number} seed */
function expression(seed) {
  const random = sequence(seed);
  if (random(8) === 0) return pick(monsters, random(monsters.length));
  return Array.from({ length: 1 + random(14) }, () => pick(tokens, random(tokens.length))).join("");
}

/** Expressions and patterns that are large, slow or endless. */
const monsters = [
  "(".repeat(3000),
  `${"(".repeat(47)}1${")".repeat(47)}`,
  "a ?? ".repeat(40),
  "a ?: ".repeat(800),
  `$string(${"x & ".repeat(900)}x)`,
  "a.".repeat(1900),
  `a${"[0]".repeat(1300)}`,
  "(function($f){$f($f)})(function($f){$f($f)})",
  "/(a+)+$/",
  "(abcdefghijklmnopqrst){1000}",
  "^([a-z]{1,1000}){1,1000}$",
  "(?=x)",
  "\\1",
  "[z-a]",
  "\\p{L}{500}",
  `${"(a|".repeat(200)}b${")".repeat(200)}`,
  `${"'".repeat(4095)}`,
  "/* ",
  "`",
];

const hostileKeys = [
  ..."__proto__ constructor prototype toString hasOwnProperty valueOf then $ref 0 true null <<".split(" "),
  ...["", " ", "a b", "é", "\u0000", "\u202e", "\ud800", "k".repeat(300), "{{ x }}"],
];

/** @type {readonly (() => unknown)[]} */
const wrongValues = [
  () => null,
  () => true,
  () => 0,
  () => -1,
  () => 1.5,
  () => 1e308,
  () => 2 ** 53,
  () => "",
  () => " ",
  () => "\ud800",
  () => "\u2028\u0000",
  () => "x".repeat(5000),
  () => "{{ ".repeat(900),
  () => "{{ a }}".repeat(900),
  () => "https://{{ fields.a }}{{ fields.b }}.example.com:99999/%zz/../?#",
  () => [],
  () => ({}),
  () => [[[]]],
  () => nested(40),
  () => nested(200),
  () => Array.from({ length: 3000 }, (_, index) => index),
  () => Object.fromEntries(Array.from({ length: 600 }, (_, index) => [`key_${index}`, { type: "string" }])),
];

/** @param {number} depth */
function nested(depth) {
  /** @type {unknown} */
  let value = "deep";
  for (let i = 0; i < depth; i++) value = i % 2 ? [value] : { a: value };
  return value;
}

/** @typedef {{ holder: any, key: string | number }} Spot where a value stands: in which map or list, under which key */

/** @param {unknown} data @param {Spot[]} [spots] */
function spotsOf(data, spots = []) {
  if (typeof data !== "object" || data === null) return spots;
  for (const key of Array.isArray(data) ? data.keys() : Object.keys(data)) {
    const holder = /** @type {any} */ (data);
    spots.push({ holder, key });
    spotsOf(holder[key], spots);
  }
  return spots;
}

/** @param {any} holder @param {string | number} key @param {unknown} value */
function put(holder, key, value) {
  Object.defineProperty(holder, key, { value, enumerable: true, writable: true, configurable: true });
}

/** @param {Spot} spot */
function remove({ holder, key }) {
  if (Array.isArray(holder)) holder.splice(Number(key), 1);
  else delete holder[key];
}

/** @param {Spot} spot @param {string} name */
function rename({ holder, key }, name) {
  if (Array.isArray(holder)) return;
  const entries = Object.entries(holder);
  for (const [old] of entries) delete holder[old];
  for (const [old, value] of entries) put(holder, old === String(key) ? name : old, value);
}

const largest = 60_000;

/**
 * What is done to the data. `others` are the data of all manifests.
 * @type {Record<string, (spots: Spot[], step: Step, others: readonly unknown[]) => void>}
 */
const treeKinds = {
  remove: (spots, { a }) => remove(pick(spots, a)),
  swap: (spots, { a, b }) => {
    const [one, two] = [pick(spots, a), pick(spots, b)];
    const value = one.holder[one.key];
    const other = two.holder[two.key];
    // Not a part of itself: that would be endless.
    if (spotsOf(value).some(({ holder }) => holder === two.holder) || spotsOf(other).some(({ holder }) => holder === one.holder))
      return;
    if (value === two.holder || other === one.holder) return;
    put(one.holder, one.key, other);
    put(two.holder, two.key, value);
  },
  borrow: (spots, { a, b, c }, others) => {
    const { holder, key } = pick(spots, a);
    const lenders = spotsOf(pick(others, b));
    if (lenders.length === 0) return;
    const { holder: from, key: at } = pick(lenders, c);
    put(holder, c % 3 ? key : String(at), structuredClone(from[at]));
  },
  wrong: (spots, { a, b }) => {
    const { holder, key } = pick(spots, a);
    put(holder, key, pick(wrongValues, b)());
  },
  key: (spots, { a, b, c }) => {
    const spot = pick(spots, a);
    if (c % 2) rename(spot, pick(hostileKeys, b));
    else if (!Array.isArray(spot.holder)) put(spot.holder, pick(hostileKeys, b), c % 4 ? "x" : {});
  },
  repeat: (spots, { a, b }) => {
    const { holder, key } = pick(spots, a);
    const value = holder[key];
    const times = Math.min(1 + (b % 2000), Math.floor(largest / (JSON.stringify(value ?? 0).length + 20)));
    for (let i = 0; i < times; i++) {
      if (Array.isArray(holder)) holder.push(value);
      else holder[`${key}_${i}`] = value;
    }
  },
  hole: (spots, { a, b, c }) => {
    const texts = spots.filter(({ holder, key }) => typeof holder[key] === "string");
    if (texts.length === 0) return;
    const { holder, key } = pick(texts, a);
    const text = String(holder[key]);
    const at = c % (text.length + 1);
    put(holder, key, `${text.slice(0, at)}{{ ${expression(b)} }}${text.slice(at)}`);
  },
  expression: (spots, { a, b }) => {
    const { holder, key } = pick(spots, a);
    put(holder, key, expression(b));
  },
};

const pieces = [
  ..."[]{}:,-?|>&*!%@`#'\"\\\n\t ~<=+.()$/^059exo",
  ..."{{ }} {{}} null true Null 1e999 0x1f 0o7 1.0 -0 007 .5 5. '' \"\" [] {} | |- > >- >+ |2".split(" "),
  ...[
    "- ",
    "- - ",
    ": ",
    ":\n",
    "? ",
    " #",
    " # c\n",
    "<<: ",
    "\r\n",
    "\n\n",
    "\n ",
    "\n    ",
    "  ",
    "---\n",
    "...\n",
    "%YAML 1.1\n",
  ],
  ...[
    "\u0000",
    "\ufeff",
    "\ud800",
    "\u2028",
    "\u202e",
    "é",
    "👍",
    "\\n",
    "\\u0041",
    "\\x",
    "__proto__: ",
    "constructor: ",
    "a: b",
  ],
  ...["&a ", "*a", "!!js/function ", "!x ", "{{ $", "{{ ** }}", "?:", "??", "function($x){", "~>", "%", "@$v", "/(a+)+$/"],
  ...["{ a: b }", "[a, b]", "[\n  a\n]", "{ a: b,\n      c: d }", "k:", "'k': ", '"k": ', "[".repeat(300), "{a: ".repeat(300)],
];

/** What is far too much of something. */
const bombs = ["[", "{a: ", "- ", "? ", "!a ", "\n", "a: 1\n", '"\n', "'", "x", "&a ", "{{ a }}", "# ", "- a: [{\n"];

/** The line around a place: where it begins and where the next one does. @param {string} text @param {number} at */
function lineAt(text, at) {
  const start = text.lastIndexOf("\n", at - 1) + 1;
  const end = text.indexOf("\n", at);
  return { start, next: end < 0 ? text.length : end + 1 };
}

/**
 * What is done to the text.
 * @type {Record<string, (text: string, at: number, step: Step, others: readonly string[]) => string>}
 */
const textKinds = {
  insert: (text, at, { b }) => text.slice(0, at) + pick(pieces, b) + text.slice(at),
  replace: (text, at, { b, c }) => text.slice(0, at) + pick(pieces, b) + text.slice(at + (c % 30)),
  remove: (text, at, { b }) => text.slice(0, at) + text.slice(at + 1 + (b % 40)),
  removeLine: (text, at) => text.slice(0, lineAt(text, at).start) + text.slice(lineAt(text, at).next),
  repeatLine: (text, at) => {
    const { start, next } = lineAt(text, at);
    return text.slice(0, next) + text.slice(start, next) + text.slice(next);
  },
  moveLine: (text, at, { b }) => {
    const { start, next } = lineAt(text, at);
    const rest = text.slice(0, start) + text.slice(next);
    const to = lineAt(rest, b % (rest.length + 1)).start;
    return rest.slice(0, to) + text.slice(start, next) + rest.slice(to);
  },
  indent: (text, at, { b }) => {
    const { start } = lineAt(text, at);
    return text.slice(0, start) + " ".repeat(1 + (b % 5)) + text.slice(start);
  },
  outdent: (text, at, { b }) => {
    const { start } = lineAt(text, at);
    const spaces = /^ */.exec(text.slice(start, start + 40))?.[0].length ?? 0;
    return text.slice(0, start) + text.slice(start + (b % (spaces + 1)));
  },
  atLineEnd: (text, at, { b }) => {
    const { next } = lineAt(text, at);
    return text.slice(0, next - 1) + pick(pieces, b) + text.slice(next - 1);
  },
  byte: (text, at, { b }) => text.slice(0, at) + String.fromCharCode(b % 256) + text.slice(at + 1),
  cut: (text, at) => text.slice(0, at),
  extract: (text, at, { b }) => {
    const lines = text
      .slice(lineAt(text, at).start)
      .split("\n")
      .slice(0, 1 + (b % 25));
    const margin = Math.min(...lines.filter((line) => line.trim() !== "").map((line) => line.search(/\S/)), 40);
    return `${lines.map((line) => line.slice(margin)).join("\n")}\n`;
  },
  borrow: (text, at, { b, c }, others) => {
    const other = pick(others, b);
    const start = c % (other.length + 1);
    return text.slice(0, at) + other.slice(start, start + 1 + (b % 200)) + text.slice(at);
  },
  bomb: (text, at, { b, c }) => {
    const piece = pick(bombs, b);
    const times = c % 16 ? 1 + (c % 300) : Math.ceil(((c % 3) + 1) * (80_000 / piece.length));
    return text.slice(0, at) + piece.repeat(times) + text.slice(at);
  },
  letter: (text, at, { b }) => text.slice(0, at) + pick("aeiou0z_-".split(""), b) + text.slice(at + 1),
  word: (text, at, { b }) => {
    const words = text.match(/\w{2,}/g) ?? ["x"];
    const start = at + Math.max(0, text.slice(at).search(/\b\w/));
    return text.slice(0, start) + pick(words, b) + text.slice(start).replace(/^\w+/, "");
  },
  crlf: (text) => text.replaceAll("\n", "\r\n"),
  hole: (text, at, { b }) => `${text.slice(0, at)}{{ ${expression(b)} }}${text.slice(at)}`,
};

const slips = new Set(["letter", "word", "removeLine", "hole", "borrow", "swap", "remove"]);

/** @param {Record<string, unknown>} kinds */
const step = (kinds) =>
  fc.record({
    // Small slips, as they happen, lead further into the compiler than what is no YAML any more.
    kind: fc.constantFrom(
      ...Object.keys(kinds),
      ...Object.keys(kinds).flatMap((kind) => (slips.has(kind) ? Array(5).fill(kind) : [])),
    ),
    a: fc.nat(2 ** 30),
    b: fc.nat(2 ** 30),
    c: fc.nat(2 ** 30),
  });

/** How the changed data is written down again; what is very large or deep, as JSON. @type {readonly ((data: unknown) => string)[]} */
const writers = [
  (data) => stringify(data, { aliasDuplicateObjects: false, lineWidth: 0 }),
  (data) => stringify(data, { aliasDuplicateObjects: false }),
  (data) => JSON.stringify(data),
  (data) => JSON.stringify(data, null, 2),
];

/** @param {unknown} data @param {number} how */
function written(data, how) {
  const json = JSON.stringify(data);
  return json.length > 50_000 || /[[{]{60}/.test(json.replace(/"[^"]*":?|[^[\]{}]/g, "")) ? json : pick(writers, how)(data);
}

/** Damaged manifests. @param {readonly string[]} texts the manifests to begin with */
export function mutantsOf(texts) {
  const trees = texts.map((text) => {
    try {
      return JSON.parse(JSON.stringify(parse(text, { uniqueKeys: false, merge: false, logLevel: "silent" })));
    } catch {
      return undefined;
    }
  });
  const steps = (/** @type {number} */ least, /** @type {number} */ most, /** @type {Record<string, unknown>} */ kinds) =>
    fc.array(step(kinds), { minLength: least, maxLength: most });
  const base = fc.nat(texts.length - 1);
  const recipe = fc.oneof(
    { weight: 5, arbitrary: fc.record({ base, tree: fc.constant([]), text: steps(1, 3, textKinds) }) },
    { weight: 4, arbitrary: fc.record({ base, tree: steps(1, 3, treeKinds), text: fc.constant([]) }) },
    { weight: 1, arbitrary: fc.record({ base, tree: steps(1, 2, treeKinds), text: steps(1, 2, textKinds) }) },
  );
  return fc.noBias(recipe).map((/** @type {Recipe} */ given) => grow(given, texts, trees));
}

/** @param {Recipe} recipe @param {readonly string[]} texts @param {readonly unknown[]} trees */
function grow(recipe, texts, trees) {
  let text = pick(texts, recipe.base);
  const tree = pick(trees, recipe.base);
  if (recipe.tree.length > 0 && typeof tree === "object" && tree !== null) {
    const data = structuredClone(tree);
    for (const change of recipe.tree) {
      const spots = spotsOf(data);
      if (spots.length > 0 && spots.length < 20_000) treeKinds[change.kind]?.(spots, change, trees);
    }
    text = written(data, recipe.tree[0]?.c ?? 0);
  }
  for (const change of recipe.text) {
    text = textKinds[change.kind]?.(text, change.a % (text.length + 1), change, texts) ?? text;
  }
  return text;
}

/** The mutant with this number of this seed. @param {fc.Arbitrary<string>} mutants @param {number} seed @param {number} number */
export function mutant(mutants, seed, number) {
  return fc.sample(mutants, { seed: (seed + Math.imul(number, 0x9e3779b1)) | 0, numRuns: 1 })[0] ?? "";
}
