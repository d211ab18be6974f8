import { Validator } from "@seriousme/openapi-schema-validator";
import { type Document, OpenAPIClientAxios } from "openapi-client-axios";
import { cleanup } from "./harness/cleanup.ts";
import { type Product, startProduct } from "./harness/product.ts";
import { startWarehouse, type Warehouse } from "./provider/warehouse.ts";

/* The documents that clients are generated from, held against the specification, a generated client and the server itself. */

jest.setTimeout(120_000);

let warehouse: Warehouse;
let product: Product;

beforeAll(async () => {
  warehouse = await startWarehouse();
  product = await startProduct({ connectors: { warehouse: warehouse.manifest("warehouse") } });
});
afterAll(cleanup);

// biome-ignore lint/suspicious/noExplicitAny: tests look into documents and assert what they find.
const documentAt = async (path: string): Promise<any> => (await product.get(path)).json;
const ofWarehouse = "/v1/connectors/warehouse/openapi.json";

test("the platform's document and that of every connector are OpenAPI 3.1", async () => {
  const { items } = (await product.get("/v1/connectors")).json;
  expect(items.length).toBeGreaterThan(50);
  const paths = ["/openapi.json", ...items.map(({ name }: { name: string }) => `/v1/connectors/${name}/openapi.json`)];
  const validator = new Validator();
  for (const path of paths) {
    const result = await validator.validate(await documentAt(path));
    expect([path, result.valid, result.errors]).toEqual([path, true, undefined]);
  }
});

test("an action is an operation of its own, with what the manifest says of its inputs", async () => {
  const { paths, info, externalDocs } = await documentAt(ofWarehouse);
  expect([info.title, externalDocs.url]).toEqual(["Warehouse", `${product.url}/openapi.json`]);
  const { post } = paths["/v1/connections/{id}/actions/list_boxes"];
  expect(post).toMatchObject({
    operationId: "list_boxes",
    summary: "List boxes",
    description: "What stands on the shelves.",
    "x-roles": ["admin", "user", "workflow"],
  });
  expect(post.parameters.filter((each: { in: string }) => each.in === "path")).toMatchObject([{ name: "id", required: true }]);
  expect(post.requestBody.required).toBe(false);
  const input = (action: string) =>
    paths[`/v1/connections/{id}/actions/${action}`].post.requestBody.content["application/json"].schema.properties.input;
  expect(input("list_boxes")).toEqual({
    type: "object",
    properties: {
      limit: { title: "How many", description: "At most 100.", type: "number", minimum: 1, maximum: 100, default: 20 },
      heavy: { title: "Heavy", type: "boolean" },
    },
    additionalProperties: false,
  });
  expect(paths["/v1/connections/{id}/actions/get_box"].post.requestBody).toMatchObject({
    required: true,
    content: { "application/json": { schema: { required: ["input"] } } },
  });
  expect(paths["/v1/connections/{id}/options/kinds"].post.operationId).toBe("listOptions_kinds");
});

test("a client that is generated from the documents reads the catalogue, connects, runs an action and learns what was wrong", async () => {
  const generated = async (path: string) => {
    const definition: Document = await documentAt(path);
    const headers = { authorization: `Bearer ${product.adminKey}` };
    return new OpenAPIClientAxios({ definition, axiosConfigDefaults: { headers, validateStatus: () => true } }).init();
  };
  const platform = await generated("/openapi.json");
  const catalogue = await platform.listConnectors?.();
  expect(catalogue?.data.items.map(({ name }: { name: string }) => name)).toContain("warehouse");
  const made = await platform.createConnection?.({}, { connector: "warehouse", fields: { api_key: "key-ann" } });
  expect(made?.data).toMatchObject({ status: "connected", label: "Storeman ann" });
  const actions = await generated(ofWarehouse);
  const run = await actions.list_boxes?.({ id: made?.data.id }, { input: { limit: 2 } });
  expect(run?.data).toMatchObject({ output: [{ id: "b1" }, { id: "b2" }], step: { action: "list_boxes" } });
  expect(warehouse.at("/boxes").at(-1)?.query.get("limit")).toBe("2");
  const kinds = await actions.listOptions_kinds?.({ id: made?.data.id }, {});
  expect(kinds?.data.options).toEqual([{ label: "Wood", value: "wood" }]);
  const wrong = await actions.list_boxes?.({ id: made?.data.id }, { input: { limit: 1000 } });
  expect([wrong?.status, wrong?.data.code, wrong?.data.input]).toEqual([422, "input_invalid", "limit"]);
});

test("the document of a replaced manifest is the new one's, and only who has a key or is signed in reads it", async () => {
  const published = await product.send("PUT", "/v1/connectors/moved", warehouse.manifest("moved"), {
    headers: { "content-type": "application/yaml" },
  });
  expect(published.status).toBe(201);
  const path = "/v1/connectors/moved/openapi.json";
  expect(Object.keys((await documentAt(path)).paths)).toContain("/v1/connections/{id}/actions/list_boxes");
  const changed = warehouse.manifest("moved").replace("  list_boxes:", "  list_crates:");
  await product.send("PUT", "/v1/connectors/moved", changed, { headers: { "content-type": "application/yaml" } });
  const { paths } = await documentAt(path);
  expect(Object.keys(paths)).toContain("/v1/connections/{id}/actions/list_crates");
  expect(Object.keys(paths)).not.toContain("/v1/connections/{id}/actions/list_boxes");
  expect((await product.send("GET", path, undefined, { key: null })).status).toBe(401);
  expect((await product.send("GET", "/openapi.json", undefined, { key: null })).status).toBe(200);
});

test("the platform's document holds every error code, with who can do something about it", async () => {
  const { "x-error-codes": codes, tags } = await documentAt("/openapi.json");
  expect(codes.input_invalid).toMatchObject({ status: 422, audience: "user", hint: expect.any(String) });
  expect(tags.map(({ name }: { name: string }) => name)).toEqual([
    ...["Steps", "Connections", "Apps", "Connectors", "Connect sessions", "Events", "Access", "Deployment"],
  ]);
});
