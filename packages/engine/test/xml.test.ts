import { buildXml, parseXml } from "../src/request/xml.ts";

test("Elements, attributes and texts come back as they were", () => {
  const data = { "a:order": { "@id": 'x"<', item: ["1 & 2", { "@kind": "b", "#text": "<3>" }] } };
  expect(parseXml(buildXml(data).replace(/^<\?[^>]*>/, ""))).toEqual(data);
});

test.each([
  ["an element", { order: { "a><evil>1</evil><a": 1 } }],
  ["an attribute", { order: [{ '@b" c="': 1 }] }],
  ["an instruction", { "?xml-stylesheet": { "@href": "x" } }],
])("The name of %s cannot end what it stands in", (_, body) => {
  expect(() => buildXml(body)).toThrow(expect.objectContaining({ code: "expression_error" }));
});

test("A body that is nested without an end is the author's error", () => {
  let body: object = { end: 1 };
  for (let level = 0; level < 150; level += 1) body = { a: body };
  expect(() => buildXml(body)).toThrow(expect.objectContaining({ code: "expression_error" }));
});

test("A document type is no data, and entities do not grow", () => {
  expect(parseXml('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>')).toBeUndefined();
});
