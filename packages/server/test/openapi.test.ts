import { Ajv2020 } from "ajv/dist/2020.js";
import { methodsOf, openApiDocument } from "../src/api/openapi.ts";
import { routes } from "../src/api/routes.ts";

interface Operation {
  readonly operationId: string;
  readonly parameters: readonly {
    readonly name: string;
    readonly in: string;
    readonly required: boolean;
    readonly schema: object;
  }[];
  readonly requestBody?: { readonly content: Record<string, { readonly schema: object }> };
  readonly responses: Record<
    string,
    { readonly description: string; readonly content?: Record<string, { readonly schema?: object }> }
  >;
}

const document = JSON.parse(JSON.stringify(openApiDocument(routes, { url: "https://x.example", version: "1.2.3" })));
const paths = document.paths as Record<string, Record<string, Operation>>;
const operations = Object.entries(paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
);

test("every route of the table is in the document, with each of its methods, and nothing else is", () => {
  const served = routes.flatMap((route) => methodsOf(route).map((method) => `${method.toLowerCase()} ${route.path}`));
  expect(operations.map(({ path, method }) => `${method} ${path}`).sort()).toEqual(served.sort());
  expect(new Set(served).size).toBe(served.length);
});

test("the routes of the contract are there", () => {
  const contract = [
    "get /v1/connectors",
    "get /v1/connectors/{name}",
    "put /v1/connectors/{name}",
    "post /v1/connectors/validate",
    "put /v1/connectors/{name}/apps/{auth}/{environment}",
    "get /v1/connectors/{name}/apps/{auth}/{environment}",
    "delete /v1/connectors/{name}/apps/{auth}/{environment}",
    "get /v1/connectors/{name}/apps/{auth}/{environment}/events",
    "post /v1/connections",
    "get /v1/connections",
    "get /v1/connections/{id}",
    "patch /v1/connections/{id}",
    "delete /v1/connections/{id}",
    "post /v1/connections/{id}/authorize",
    "post /v1/connections/{id}/test",
    "post /v1/connections/{id}/refresh",
    "get /v1/connections/{id}/events",
    "post /v1/connections/{id}/actions/{action}",
    "post /v1/connections/{id}/proxy/{path}",
    "get /v1/platform",
    "get /healthz",
    "get /readyz",
    "get /metrics",
    "get /openapi.json",
  ];
  const there = operations.map(({ path, method }) => `${method} ${path}`);
  expect(contract.filter((each) => !there.includes(each))).toEqual([]);
});

test("the document's frame is that of OpenAPI 3.1", () => {
  expect(document).toMatchObject({
    openapi: "3.1.0",
    info: { title: "Jackfield", version: "1.2.3" },
    servers: [{ url: "https://x.example" }],
  });
  expect(Object.keys(document.components.securitySchemes)).toEqual(["api_key", "session", "connect_session"]);
  const ids = operations.map(({ operation }) => operation.operationId);
  expect(new Set(ids).size).toBe(ids.length);
  for (const id of ids) expect(id).toMatch(/^[a-z][A-Za-z_]+$/);
});

test("each operation declares exactly the parameters of its path, and a problem as its default answer", () => {
  for (const { path, operation } of operations) {
    const inPath = [...path.matchAll(/\{([a-z_]+)\}/g)].map(([, name]) => name);
    expect(operation.parameters.filter((each) => each.in === "path").map(({ name, required }) => [name, required])).toEqual(
      inPath.map((name) => [name, true]),
    );
    expect(operation.responses.default?.content?.["application/problem+json"]?.schema).toEqual({
      $ref: "#/components/schemas/Problem",
    });
    for (const answer of Object.values(operation.responses)) expect(answer.description).not.toBe("");
  }
});

test("every schema compiles, and every reference leads somewhere", () => {
  const ajv = new Ajv2020({ strict: false, validateFormats: false });
  ajv.addSchema(document, "openapi");
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, reference]) => reference);
  expect(references.length).toBeGreaterThan(20);
  for (const reference of new Set(references)) expect(() => ajv.compile({ $ref: `openapi${reference}` })).not.toThrow();
  for (const { operation } of operations) {
    for (const { schema } of operation.parameters) expect(() => ajv.compile(schema)).not.toThrow();
  }
});

test("every route but the public ones names its roles", () => {
  const open = routes.filter((route) => route.roles === "public").map(({ id }) => id);
  expect(open.sort()).toEqual(["getConnectorIcon", "getOpenApi", "getPlatform", "healthz", "metrics", "readyz", "signIn"]);
  for (const route of routes) if (route.roles !== "public") expect(route.roles).toContain("admin");
});
