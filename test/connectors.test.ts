import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { compile, formatProblem } from "@jackfield/manifest";
import { test as testCommand } from "../packages/cli/src/commands/test.ts";
import { neighboursOf } from "../packages/cli/src/neighbours.ts";
import { cleanup } from "./harness/cleanup.ts";
import { type Product, startProduct } from "./harness/product.ts";

jest.setTimeout(60_000);

const folder = join(process.cwd(), "connectors");
const names = readdirSync(folder, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name);

let product: Product;
beforeAll(async () => {
  product = await startProduct();
});
afterAll(cleanup);

/** One word per idea, so that the catalogue can be searched by it. */
const categories = new Set(
  (
    "ai calendar chat commerce crm data development email finance health hr identity marketing media productivity social " +
    "storage support"
  ).split(" "),
);

test("there are sixty connectors and more", () => {
  expect(names.length).toBeGreaterThanOrEqual(60);
});

describe.each(names)("connectors/%s", (name) => {
  const file = join(folder, name, "connector.yaml");
  const { connector, problems } = compile(readFileSync(file, "utf8"), { file, folder: name, bases: neighboursOf(file) });

  test("compiles without an error, and its name is the folder's", () => {
    const errors = problems.filter(({ severity }) => severity === "error").map((problem) => formatProblem(problem));
    expect(errors).toEqual([]);
    expect(connector?.name).toBe(name);
  });

  test("makes the requests and comes to the outcomes of its test.yaml", async () => {
    let report = "";
    const out = (text: string) => {
      report += text;
    };
    const status = await testCommand.run([join(folder, name)], { out, error: out, colour: false });
    expect(status === 0 ? "" : report).toBe("");
  });

  test("has two or more actions, each with a title, and says what it is", () => {
    expect(Object.keys(connector?.actions ?? {}).length).toBeGreaterThanOrEqual(2);
    expect(connector?.description).toMatch(/\S{3}/);
    expect(connector?.categories.filter((category) => !categories.has(category))).toEqual([]);
    for (const action of Object.values(connector?.actions ?? {})) expect(action.title).toMatch(/\S/);
  });

  test("has a picture that loads nothing and runs nothing", () => {
    const picture = join(folder, name, connector?.icon ?? "icon.svg");
    expect(existsSync(picture)).toBe(true);
    const text = readFileSync(picture, "utf8");
    expect(text).toMatch(/<svg[\s>]/);
    expect(text).not.toMatch(/<script|<foreignObject|\son\w+=|href=["'](?!#)|url\((?!#)|<!ENTITY|@import/i);
    expect(text.length).toBeLessThan(20_000);
  });

  test("is in the catalogue, with its forms and its actions", async () => {
    const answer = await product.get(`/v1/connectors/${name}`);
    expect(answer.status).toBe(200);
    expect(answer.json).toMatchObject({ name, title: connector?.title });
    expect(answer.json.actions).toHaveLength(Object.keys(connector?.actions ?? {}).length);
    expect((await product.get(answer.json.icon_url)).status).toBe(200);
  });

  test("offers every way to connect with a label, a unique id and a test call", () => {
    for (const auth of Object.values(connector?.auth ?? {})) {
      if (auth.type === "none") continue;
      expect(auth.label).toBeDefined();
      expect(auth.unique_id).toBeDefined();
      expect(auth.test).toBeDefined();
      expect(auth.whitelist.length).toBeGreaterThan(0);
    }
  });
});

test("the catalogue holds exactly the folder's connectors", async () => {
  const { items } = (await product.get("/v1/connectors")).json;
  expect(items.map((item: { name: string }) => item.name).sort()).toEqual([...names].sort());
});
