import type { Question } from "../src/api.ts";
import { findHidden } from "../src/form/find-hidden.ts";
import { initialValues, mistakes, payload } from "../src/form/values.ts";

const question = (name: string, rest: Partial<Question> = {}): Question => ({ name, label: name, type: "string", ...rest });
const none = new Set<string>();

describe("a form begins", () => {
  test("with the manifest's defaults as the controls hold them", () => {
    const questions = [
      question("limit", { type: "number", default: 20 }),
      question("notify", { type: "boolean", default: true }),
      question("tags", { list: true, default: ["a"] }),
      question("name"),
    ];
    expect(initialValues(questions)).toEqual({ limit: "20", notify: true, tags: ["a"], name: "" });
  });

  test("with what was given before, in preference to a default", () => {
    expect(initialValues([question("host", { default: "eu" })], { host: "us" })).toEqual({ host: "us" });
  });

  test("with an answer for a choice that must be made", () => {
    const options = [{ label: "One", value: 1 }];
    expect(initialValues([question("size", { type: "select", required: true, options })])).toEqual({ size: "1" });
  });
});

describe("what is sent", () => {
  test("has the declared types", () => {
    const options = [{ label: "Two", value: 2 }];
    const questions = [
      question("limit", { type: "number" }),
      question("size", { type: "select", options }),
      question("ids", { type: "number", list: true }),
      question("notify", { type: "boolean" }),
    ];
    expect(payload(questions, { limit: "5", size: "2", ids: ["1", "", "2"], notify: false }, none)).toEqual({
      limit: 5,
      size: 2,
      ids: [1, 2],
      notify: false,
    });
  });

  test("leaves out what is empty and what is not shown", () => {
    expect(payload([question("a"), question("b"), question("c")], { a: "", b: "x", c: "y" }, new Set(["c"]))).toEqual({ b: "x" });
  });

  test("keeps the spaces of a secret, so that the server can complain of them", () => {
    expect(payload([question("key", { secret: true })], { key: "abc " }, none)).toEqual({ key: "abc " });
  });
});

describe("a mistake is told before anything is sent", () => {
  test("when a required answer is missing, unless its question is hidden", () => {
    const questions = [question("Key", { required: true })];
    expect(mistakes(questions, { Key: " " }, none)).toEqual({ Key: "Key is required." });
    expect(mistakes(questions, { Key: " " }, new Set(["Key"]))).toEqual({});
  });

  test("when a number is none, or out of its bounds", () => {
    const questions = [question("n", { type: "number", min: 1, max: 9 })];
    expect(mistakes(questions, { n: "x" }, none)).toEqual({ n: "n must be a number." });
    expect(mistakes(questions, { n: "0" }, none)).toEqual({ n: "n must be at least 1." });
    expect(mistakes(questions, { n: "10" }, none)).toEqual({ n: "n must be at most 9." });
  });

  test("when a text does not match; a pattern that a browser cannot read holds nobody up", () => {
    expect(mistakes([question("n", { pattern: "^[a-z]+$" })], { n: "1" }, none)).toHaveProperty("n");
    expect(mistakes([question("n", { pattern: "(?i)^a" })], { n: "1" }, none)).toEqual({});
  });
});

describe("visible_if", () => {
  test("hides a question unless its expression gives true", async () => {
    const rules = [
      ["a", "input.remind = true"],
      ["b", "input.remind = false"],
    ] as const;
    expect(await findHidden(rules, { input: { remind: true } })).toEqual(new Set(["b"]));
  });

  test("that fails while it is evaluated hides nothing", async () => {
    expect(await findHidden([["a", "$nothing(1)"]], {})).toEqual(new Set());
  });
});
