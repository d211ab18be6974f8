import { compileTemplate } from "@jackfield/manifest";
import { renderTree } from "../src/request/parameters.ts";

test("an empty text that the author wrote is sent, an empty value of a hole is not", async () => {
  const tree = {
    written: compileTemplate(""),
    typed: compileTemplate("{{ fields.note }}"),
    said: compileTemplate("x{{ fields.note }}"),
  };
  expect(await renderTree(tree as never, { fields: { note: "" } })).toEqual({ written: "", said: "x" });
});
