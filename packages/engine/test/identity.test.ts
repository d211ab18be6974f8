import { type Auth, compileExpression, compileTemplate } from "@jackfield/manifest";
import { identityOf, labelOf, uniqueIdOf } from "../src/connection/identity.ts";
import { mask } from "../src/connection/view.ts";

const auth = (template: string, fallback?: string): Auth =>
  ({
    label: {
      template: compileTemplate(template),
      fallback: fallback === undefined ? undefined : compileTemplate(fallback),
      mask: "none",
    },
  }) as unknown as Auth;
const unique = (expression: string): Auth =>
  ({ unique_id: { value: compileExpression(expression), on_conflict: "reuse" } }) as unknown as Auth;

test("A label is made from the test's answer", async () => {
  expect(await labelOf(auth("{{ me.user.displayName }}'s Google Drive"), { me: { user: { displayName: "Jane" } } })).toBe(
    "Jane's Google Drive",
  );
});

test("A missing value makes the fallback be used; without one there is no label", async () => {
  expect(
    await labelOf(auth("{{ me.name }}'s Drive", "Drive {{ connection.short_id }}"), { me: {}, connection: { short_id: "abc" } }),
  ).toBe("Drive abc");
  expect(await labelOf(auth("{{ me.name }}'s Drive"), { me: {} })).toBeNull();
});

test("A label has no control characters and at most 120 characters", async () => {
  expect(await labelOf(auth("{{ me.name }}"), { me: { name: "a\u0000b\n\u202ec\u200b d" } })).toBe("a b c d");
  expect([...((await labelOf(auth("{{ me.name }}"), { me: { name: "😀".repeat(200) } })) ?? "")]).toHaveLength(120);
});

test.each([
  ["me.id", { id: "u1" }, "u1"],
  ["me.id", { id: 42 }, "42"],
  ["me.team & '/' & me.user", { team: "T", user: "U" }, "T/U"],
])("The unique id %s of %j is %s", async (expression, me, expected) => {
  expect(await uniqueIdOf(unique(expression), { me })).toBe(expected);
});

test.each([
  [{}],
  [{ id: "" }],
  [{ id: "  " }],
  [{ id: null }],
  [{ id: true }],
  [{ id: { a: 1 } }],
  [{ id: ["a"] }],
  [{ id: "x".repeat(600) }],
])("An answer %j holds no unique id", async (me) => {
  await expect(uniqueIdOf(unique("me.id"), { me })).rejects.toMatchObject({ code: "unique_id_missing" });
});

test("No two tuples have one identity", () => {
  const tuple = { id: "con_1", workspace: "w", owner: "o", connector: "c", auth: "a", environment: "e" };
  const all = [
    identityOf(tuple, "x/y"),
    identityOf({ ...tuple, environment: "e/x" }, "y"),
    identityOf({ ...tuple, owner: "o/c", connector: "a" }, "x"),
    identityOf(tuple, "x%2Fy"),
    identityOf(tuple, undefined),
  ];
  expect(new Set(all).size).toBe(all.length);
});

test("A masked label keeps the shape and hides the words", () => {
  expect(mask("Jane Miller's Drive <jane@example.com>")).toBe("Ja••• Mi•••'s••• Dr••• <ja•••@ex•••.co•••>");
});
