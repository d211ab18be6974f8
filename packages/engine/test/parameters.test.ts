import { compileTemplate } from "@jackfield/manifest";
import { formEncode, formEntries, overlay, renderParameters, renderTree } from "../src/request/parameters.ts";

const names = { input: { text: "a&b", list: ["x", "y"], number: 3, flag: false, empty: "" } };
const template = compileTemplate;

test("A parameter without a value is left out, a list is repeated, other types become text", async () => {
  const parameters = {
    text: template("{{ input.text }}"),
    list: template("{{ input.list }}"),
    number: template("{{ input.number }}"),
    flag: template("{{ input.flag }}"),
    empty: template("{{ input.empty }}"),
    missing: template("x{{ input.nothing }}"),
    constant: 7,
  };
  expect(await renderParameters(parameters, names)).toEqual([
    ["text", "a&b"],
    ["list", "x"],
    ["list", "y"],
    ["number", "3"],
    ["flag", "false"],
    ["constant", "7"],
  ]);
});

test("An author's parameter replaces a default, null removes it", async () => {
  const defaults = [
    ["grant_type", "authorization_code"],
    ["redirect_uri", "https://x.example"],
    ["code", "c"],
  ] as const;
  expect(await overlay(defaults, { redirect_uri: null, code: template("{{ input.text }}"), extra: true }, names)).toEqual([
    ["grant_type", "authorization_code"],
    ["code", "a&b"],
    ["extra", true],
  ]);
});

test("A body keeps the types of single holes and leaves out what has no value", async () => {
  const tree = {
    number: template("{{ input.number }}"),
    text: template("n={{ input.number }}"),
    missing: template("{{ input.nothing }}"),
    deep: { list: [template("{{ input.flag }}"), template("{{ input.nothing }}"), 1, null] },
  };
  expect(await renderTree(tree, names)).toEqual({ number: 3, text: "n=3", deep: { list: [false, 1, null] } });
});

test("A form flattens objects and lists in brackets", () => {
  expect(formEncode(formEntries({ a: 1, b: { c: "x y", d: [true, "z"] }, e: null }))).toBe(
    "a=1&b%5Bc%5D=x+y&b%5Bd%5D%5B%5D=true&b%5Bd%5D%5B%5D=z",
  );
});

test("An object where a text is needed is an error that names the parameter", async () => {
  await expect(renderParameters({ q: template("{{ input }}") }, names)).rejects.toMatchObject({ code: "expression_error" });
});
