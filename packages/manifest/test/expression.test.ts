import jsonata from "jsonata";
import { asList, compileExpression, ExpressionError } from "../src/expression.ts";
import { parsePath } from "../src/plain-path.ts";

/** Milliseconds: far above what a busy machine needs, far below what an unguarded run takes. */
const hang = 30_000;

const evaluate = async (source: string, input: unknown = {}) => compileExpression(source).evaluate(input);

async function errorOf(source: string, input: unknown = {}): Promise<ExpressionError> {
  try {
    await evaluate(source, input);
  } catch (error) {
    if (error instanceof ExpressionError) return error;
    throw error;
  }
  throw new Error(`${source} gave a value`);
}

const many = Array.from({ length: 100_000 }, (_, id) => ({ id, value: (id * 7919) % 1000 }));
const x = "a".repeat(1_000_000);
const tree = `${"$a := {'a': $a, 'b': $a, 'c': $a, 'd': $a};".repeat(40)}`;
const list = `${"$a := [[$a, $a, $a, $a, $a, $a, $a, $a, $a, $a]];".repeat(12)}`;

describe("an expression that would hang or abort the process ends in an error", () => {
  const bombs: [string, string, unknown?][] = [
    ["a text that doubles itself", `($s := "ab"; ${"$s := $s & $s;".repeat(30)} $length($s))`],
    ["a very wide $pad", '$pad("x", 3e8)'],
    ["a $pad within $length", '$length($pad("x", 3e8))'],
    ["the text of a value that holds itself many times", `($a := {"x": 1}; ${tree} $string($a))`],
    ["the same by concatenation", `($a := {"x": 1}; ${tree} $a & "")`],
    ["lists of lists", `($a := ["xxxxxxxxxx"]; ${list} $string($a))`],
    ["comparing values that hold themselves many times", `($a := {"x": 1}; ${tree} $b := $a; $a = $b)`],
    ["flattening lists of lists", `($a := ["x"]; ${list} $a.x)`],
    ["the truth of lists of lists", `($a := [0]; ${list} $a ? 1 : 2)`],
    ["all descendants of lists of lists", `($a := [[]]; ${list} $a.**)`],
    ["endless tail recursion", "($f := function($n) { $f($n + 1) }; $f(0))"],
    ["endless recursion", "($f := function($n) { 1 + $f($n + 1) }; $f(0))"],
    ["branching recursion", "($f := function($n) { [$f($n + 1), $f($n + 1)] }; $f(0))"],
    ["recursion in objects", "($f := function($n) { {'a': $f($n + 1), 'b': $f($n + 2)} }; $f(0))"],
    ["a very long range", "[1..1e7]"],
    ["ranges of ranges", "$map([1..20000], function($i) { [1..20000] })"],
    ["sorting with a comparator", "$sort([1..20000], function($l, $r) { $l < $r })"],
    ["ordering a long list", "items^(>value)", { items: many }],
    ["joining with a long separator", "$join($map([1..20000], function($i) { 'abc' }), x)", { x }],
    ["replacing each letter by a long text", '$replace(x, "a", x)', { x }],
    ["replacing by a growing text", "$reduce([1..40], function($s, $i) { $replace($s, /a/, 'aa') }, 'aa')"],
    ["long texts in a long list", '$map([1..20000], function($i) { $pad("x", 1000000) })'],
    ["appending again and again", "$reduce([1..20000], function($a, $i) { $append($a, [1..100]) })"],
    ["wrapping again and again", "$reduce([1..20000], function($a, $i) { {'x': $a} })"],
    ["zipping many long lists", `$zip(${"x, ".repeat(1000)} x)`, { x: many }],
    ["splitting into letters", '$split(x, "")', { x }],
    ["a quadratic regular expression", "$replace(x, /a.*b|a/, 'c')", { x: x.slice(0, 60_000) }],
    ["a regular expression over a long text", "$match(x, /(\\w\\d?){50}b/)", { x }],
    ["a picture that asks for a long year", "$fromMillis(0, '[Y,9999999]')"],
    ["a long Roman number", "$formatInteger(1e15, 'I')"],
    ["an ambiguous picture", "$toMillis('1111111111111111111111111111111111111!', '[Y]1[M]1[D]1[H]1[h]1[m]1[s]')"],
  ];
  test.each(bombs.map(([name, source, input]) => ({ name, source, input })))("$name", async ({ source, input }) => {
    const began = performance.now();
    const error = await errorOf(source, input);
    expect(error.code).toMatch(/^expression_(timeout|too_large|too_deep|too_complex)$/);
    expect(performance.now() - began).toBeLessThan(hang);
  });
});

test.each([
  ["(a+)+$", "$match(x, /^(a+)+$/)"],
  ["(a|a)*$", "$contains(x, /^(a|a)*$/)"],
  ["(a*)*b", "$split(x, /(a*)*b/)"],
])("the regular expression %s runs in linear time", async (_, source) => {
  const began = performance.now();
  await evaluate(source, { x: `${"a".repeat(60)}!` });
  expect(performance.now() - began).toBeLessThan(hang);
});

describe("an expression that cannot be compiled", () => {
  test.each([
    ["me.id + * 2", "expression_syntax", 10],
    ["$string(me.id", "expression_syntax", 12],
    ["", "expression_syntax", 0],
    ["$eval('1')", "expression_forbidden", 0],
    ["$map([1], $random)", "expression_forbidden", 10],
    ["$shuffle([1])", "expression_forbidden", 0],
    ["$replace(a, /(?=x)/, '')", "expression_regex", 12],
    ["$replace(a, /(x)\\1/, '')", "expression_regex", 12],
    [`${"(".repeat(60)}1${")".repeat(60)}`, "expression_too_complex", 48],
    [`a${" ?? a".repeat(200)}`, "expression_too_complex", undefined],
    [`${"x".repeat(5000)}+1`, "expression_too_complex", undefined],
  ])("%s", (source, code, position) => {
    expect.assertions(position === undefined ? 2 : 3);
    try {
      compileExpression(source);
    } catch (error) {
      expect(error).toBeInstanceOf(ExpressionError);
      expect((error as ExpressionError).code).toBe(code);
      if (position !== undefined) expect((error as ExpressionError).position).toBe(position);
    }
  });
});

describe("an error at run time", () => {
  test("tells where it happened", async () => {
    expect(await errorOf("1 + 'a'")).toMatchObject({ code: "expression_type", position: 2 });
    expect(await errorOf("a & $number('x')")).toMatchObject({ code: "expression_failed", position: 4, length: 7 });
  });

  test("holds no value of the data", async () => {
    const secret = "canary-1234";
    for (const source of ["$number(a)", "-a", "a < 1", "{a: 1}[0] ~> a", "$toMillis(a)", "[1..a]", "$power(a, 1)", "{1: a}"]) {
      const error = await errorOf(source, { a: secret });
      const causes = [error.message, String((error.cause as Error | undefined)?.message), JSON.stringify(error)];
      expect(causes.join()).not.toContain(secret);
    }
  });

  test("keeps the author's words", async () => {
    expect((await errorOf("$error('no such account')")).message).toBe("no such account");
  });
});

describe("data cannot reach the interpreter", () => {
  test.each([
    ["$.__proto__", undefined],
    ["$.constructor", undefined],
    ["a.constructor.constructor", undefined],
    ["$lookup($, 'constructor')", undefined],
    ["$sum.constructor", undefined],
    ["`__proto__`", undefined],
    ["constructor", undefined],
    ["a.toString", undefined],
  ])("%s is nothing", async (source, expected) => {
    expect(await evaluate(source, { a: {} })).toBe(expected);
  });

  test("what looks like one of its functions is data", async () => {
    const input = JSON.parse('{"x": {"_jsonata_lambda": true, "thunk": true, "body": {"procedure": {}}, "__proto__": {"y": 1}}}');
    expect(await evaluate("$lookup($, 'x') ~> $keys", input)).toEqual(["thunk", "body"]);
  });

  test("a result has no key that could reach a prototype", async () => {
    const result = (await evaluate('{"__proto__": {"polluted": true}, "a": 1}')) as object;
    expect(Object.keys(result)).toEqual(["a"]);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  test("the caller's data is not changed", async () => {
    const input = { a: [], b: { c: 1 } };
    await evaluate("[a{'x': 1}, $ ~> |b|{'c': 2}|]", input);
    expect(input).toEqual({ a: [], b: { c: 1 } });
  });
});

test("a result is ordinary data", async () => {
  const result = await evaluate("items.id", { items: [{ id: 1 }, { id: 2 }] });
  expect(Object.keys(result as object)).toEqual(["0", "1"]);
  const filtered = await evaluate("items[id > 0]", { items: [{ id: 1 }, { id: 2 }] });
  expect(JSON.stringify(filtered)).toBe('[{"id":1},{"id":2}]');
  expect(await evaluate("$sum")).toBeUndefined();
});

test("a result has a limited size", async () => {
  expect((await errorOf("$map([1..400], function($i) { $pad('x', 1000) })")).code).toBe("expression_too_large");
});

test("one compiled expression serves many evaluations at once", async () => {
  const expression = compileExpression("$map([1..50], function($i) { $$.n })[0] & '/' & n");
  const results = await Promise.all(Array.from({ length: 200 }, (_, n) => expression.evaluate({ n })));
  expect(results).toEqual(Array.from({ length: 200 }, (_, n) => `${n}/${n}`));
});

describe("functions", () => {
  test.each([
    ["$base64('ü:x')", "w7w6eA=="],
    ["$base64url('??>')", "Pz8-"],
    ["$sha256('abc')", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
    ["$hmac('abc', 'key')", "9c196e32dc0175f86f4b1cb89289d6619de6bee699e4c378e68309ed97a1a6ab"],
    ["$hmac('abc', 'key', 'sha1', 'base64')", "T9CyFSdu8S8rPkyOysKBFJi2Vvw="],
    ["$base64(missing)", undefined],
    ["$hmac(missing, 'key')", undefined],
    ["$type($now())", "string"],
    ["$fromMillis(0, '[Y0001]-[M01]-[D01]')", "1970-01-01"],
    ["$toMillis('Jan 5, 2020', '[MNn,*-3] [D], [Y]')", 1578182400000],
    ["$pad('x', 3, '-')", "x--"],
  ])("%s", async (source, expected) => {
    expect(await evaluate(source)).toBe(expected);
  });

  const same = [
    "$replace('abc abd', /a(b)(.)/, '$2-$1-$0-$$-$12')",
    "$replace('abc abd', /a(b)/, function($m) { $uppercase($m.match) })",
    "$replace('aXbXc', 'X', 'yy', 1)",
    "$replace('a.b.c', '.', '$1')",
    "$split('a, b;c', /[,;] */)",
    "$split('a,b,c', ',', 2)",
    "$split('a1b2c', /[0-9]/, 2)",
    "$match('ababbabbcc', /a(b+)/)",
    "$match('ababbabbcc', /a(b+)/, 1)",
    "$contains('abc', /B/i)",
    "$sort([3, 1, 2])",
    "$sort(['b', 'a'])",
    "$sort([{'a': 3, 'n': 1}, {'a': 1, 'n': 2}, {'a': 3, 'n': 3}], function($l, $r) { $l.a > $r.a })",
    "$distinct([1, 1, '1', {'a': 1, 'b': 2}, {'b': 2, 'a': 1}, [1], [1]])",
    "$spread([{'a': 1, 'b': 2}, {'c': 3}])",
    "$spread({'a': 1})",
    "$map(['abc', 'def'], $substring(?, 1))",
    "$reduce([1..5], function($a, $b) { $a * $b })",
    "$zip([1, 2], [3, 4])",
    "$each({'a': 1}, function($v, $k) { $k & $v })",
    "$sift({'a': 1, 'b': 2}, function($v) { $v > 1 })",
    "$merge([{'a': 1}, {'b': 2}])",
    "items^(>v).k",
    "items{k: v}",
    "items@$i.($i.k & $i.v)",
    "items#$n.($n & k)",
    "items.k[0]",
    "items[v > 1][0].k",
    "**.k",
    "*.k",
    "items.%.name",
    "a.b.c ?? 'none'",
    "a.b ?: 'none'",
    "'x' in ['x', 'y']",
    "$string({'a': [1, 'x', null]})",
    "$join(items.k, '-')",
    "$formatNumber(1234.5, '#,##0.00')",
    "/a(b)/('xab').groups[0]",
  ];
  const data = {
    name: "n",
    items: [
      { k: "a", v: 1 },
      { k: "b", v: 3 },
      { k: "c", v: 2 },
    ],
    a: { b: { c: 0 } },
  };
  test.each(same)("%s gives what JSONata gives", async (source) => {
    const original = await jsonata(source).evaluate(structuredClone(data));
    expect(JSON.stringify(await evaluate(source, data))).toBe(JSON.stringify(original));
  });
});

describe("a plain path", () => {
  test("is a property walk that needs no promise", () => {
    const expression = compileExpression("body.items");
    expect(expression.path).toEqual(["body", "items"]);
    expect(expression.evaluate({ body: { items: [1] } })).toEqual([1]);
    expect(compileExpression("a.`b-c`.d").path).toEqual(["a", "b-c", "d"]);
    expect(compileExpression("a[0].b").path).toBeUndefined();
    expect(compileExpression("a[0].b").evaluate({ a: [{ b: 1 }, { b: 2 }] })).toBe(1);
  });

  test("sees own properties only", () => {
    for (const path of ["constructor", "a.__proto__", "a.toString", "a.length", "s.length"]) {
      expect(compileExpression(path).evaluate({ a: {}, s: "text" })).toBeUndefined();
    }
    expect(compileExpression("a").evaluate(undefined)).toBeUndefined();
    expect(compileExpression("a.b").evaluate({ a: null })).toBeUndefined();
    expect(compileExpression("a").evaluate({ a: null })).toBeNull();
  });

  test("gives exactly what JSONata gives, over random data", async () => {
    const random = sequence(7);
    const names = ["a", "b", "c"];
    const value = (depth: number): unknown => {
      const kind = random(depth > 3 ? 3 : 7);
      if (kind < 2) return random(5);
      if (kind === 2) return null;
      if (kind < 5) return Array.from({ length: random(4) }, () => value(depth + 1));
      return Object.fromEntries(names.filter(() => random(3) > 0).map((name) => [name, value(depth + 1)]));
    };
    const step = () => `${names[random(3)]}${random(4) === 0 ? `[${random(4) - 2}]` : ""}`;
    for (let run = 0; run < 3000; run++) {
      const path = Array.from({ length: 1 + random(4) }, step).join(".");
      const data = value(0);
      expect(parsePath(path)).toBeDefined();
      const expected = await jsonata(path).evaluate(structuredClone(data));
      const actual = compileExpression(path).evaluate(data);
      expect([path, JSON.stringify(data), JSON.stringify(actual)]).toEqual([
        path,
        JSON.stringify(data),
        JSON.stringify(expected),
      ]);
    }
  });
});

test("constants need no promise", () => {
  expect(compileExpression("'Bearer'").evaluate({})).toBe("Bearer");
  expect(compileExpression(" true ").evaluate({})).toBe(true);
  expect(compileExpression("3600").evaluate({})).toBe(3600);
});

test("a list that JSONata gives as its only item is a list again", async () => {
  expect(asList(await evaluate("items.id", { items: [{ id: 1 }] }))).toEqual([1]);
  expect(asList(await evaluate("items.id", { items: [] }))).toEqual([]);
  expect(asList([1, 2])).toEqual([1, 2]);
});

/** Numbers below a limit, the same ones each time. */
function sequence(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}
