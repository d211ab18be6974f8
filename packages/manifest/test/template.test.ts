import { ExpressionError } from "../src/expression.ts";
import { compileTemplate } from "../src/template.ts";

const names = { fields: { site: "a b", count: 3, none: null, list: [1], yes: true }, me: { id: 7 } };

test("text without holes is itself", () => {
  expect(compileTemplate("plain } text").render(names)).toBe("plain } text");
  expect(compileTemplate("").render(names)).toBe("");
});

test("holes that are plain paths give a value, not a promise", () => {
  expect(compileTemplate("https://{{ fields.site }}.x/{{me.id}}").render(names)).toBe("https://a b.x/7");
});

test("other holes give a promise", async () => {
  const rendered = compileTemplate("{{ $uppercase(fields.site) }}-{{ me.id }}").render(names);
  expect(rendered).toBeInstanceOf(Promise);
  expect(await rendered).toBe("A B-7");
});

test("a template that is one hole keeps the type of its result", async () => {
  expect(compileTemplate("{{ fields.count }}").render(names)).toBe(3);
  expect(compileTemplate("{{ fields.list }}").render(names)).toEqual([1]);
  expect(compileTemplate("{{ fields.yes }}").render(names)).toBe(true);
  expect(await compileTemplate("{{ {'a': me.id} }}").render(names)).toEqual({ a: 7 });
});

test("without a result for every hole there is none", () => {
  expect(compileTemplate("{{ fields.missing }}").render(names)).toBeUndefined();
  expect(compileTemplate("a {{ fields.missing }}").render(names)).toBeUndefined();
  expect(compileTemplate("a {{ fields.none }}").render(names)).toBeUndefined();
});

test("a list or an object within a text is an error", () => {
  expect(() => compileTemplate("a {{ fields.list }}").render(names)).toThrow(ExpressionError);
});

test("braces and quotes within an expression do not close its hole", async () => {
  const cases: [string, unknown][] = [
    ["{{ '}}' }}", "}}"],
    ["{{ {'a': {'b': 1}}.a.b }}!", "1!"],
    ['{{ "a\\"}}" }}', 'a"}}'],
    ["{{ /* }} */ me.id }}", 7],
    ["{{ $replace('a}}b', /\\}\\}/, '-') }}", "a-b"],
    ["{{ `a}}b` }}", undefined],
    ["{{ me.id / 7 }} {{ me.id / 7 }}", "1 1"],
  ];
  for (const [source, expected] of cases)
    expect([source, await compileTemplate(source).render(names)]).toEqual([source, expected]);
});

test("positions of errors are positions in the template", () => {
  for (const [source, code, position] of [
    ["abc {{ me.id", "template_unclosed", 4],
    ["abc {{  }}", "template_empty_hole", 4],
    ["abc {{ me.id + }}", "expression_syntax", 13],
  ] as const) {
    try {
      compileTemplate(source);
      throw new Error("compiled");
    } catch (error) {
      expect(error).toMatchObject({ code, position, source });
    }
  }
});
