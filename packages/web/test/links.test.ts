import { safeLink, unescaped } from "../src/ui/safe-link.ts";

test("links of a manifest lead to pages and mail addresses, and to nothing that could run", () => {
  expect(safeLink("https://provider.example/docs")).toBe("https://provider.example/docs");
  expect(safeLink("mailto:help@provider.example")).toBe("mailto:help@provider.example");
  for (const link of [
    "javascript:alert(1)",
    " javascript:alert(1)",
    "data:text/html,x",
    "/v1/session",
    "//evil.example",
    "",
    null,
  ]) {
    expect(safeLink(link)).toBeUndefined();
  }
});

test("entities become characters once, so that an escaped tag stays text", () => {
  expect(unescaped("a &lt;b&gt; &amp;lt;")).toBe("a <b> &lt;");
});
