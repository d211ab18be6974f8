import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compile } from "@jackfield/manifest";
import { parse } from "yaml";
import { importOpenApi } from "../src/import/openapi.ts";
import { run } from "../src/run.ts";

const file = join(__dirname, "import/openapi.yaml");
const source = parse(readFileSync(file, "utf8")) as Record<string, unknown>;

function imported(document: unknown, options: Partial<Parameters<typeof importOpenApi>[1]> = {}) {
  const result = importOpenApi(document, { operations: undefined, ...options });
  if (result.text === undefined) throw new Error(result.reason);
  const { problems } = compile(result.text, { file: "connector.yaml", folder: result.name });
  expect(problems.filter(({ severity }) => severity === "error")).toEqual([]);
  return { ...result, manifest: parse(result.text) };
}

const { manifest, notes } = imported(source);
const said = notes.map(({ key, message }) => `${key}: ${message}`);

test("what the document says of itself becomes the manifest's head", () => {
  expect(manifest).toMatchObject({
    manifest: 1,
    name: "acme-pets-co",
    title: "Acme Pets & Co",
    version: "1.2.0",
    docs_url: "https://acme.example/docs",
    base_url: "https://{{ fields.region }}.api.acme.example/v1/{{ fields.tenant }}",
  });
});

test("each scheme becomes a way to connect, with the server's variables as fields", () => {
  expect(Object.keys(manifest.auth)).toEqual(["oauth", "key"]);
  expect(manifest.auth.oauth).toMatchObject({
    type: "oauth2",
    grant: "authorization_code",
    scopes: { required: [{ name: "pets.read", reason: "Read pets" }], optional: [{ name: "pets.write", reason: "Change pets" }] },
    authorization: { url: "https://login.acme.example/authorize" },
    token: { url: "https://login.acme.example/token" },
    refresh: { url: "https://login.acme.example/refresh" },
    test: { request: { path: "/me" } },
    label: { template: "{{ me.name }}" },
    unique_id: "me.id",
  });
  expect(manifest.auth.key).toMatchObject({ type: "api_key", apply: { name: "X-Api-Key", value: "{{ fields.key }}" } });
  expect(manifest.auth.key.fields).toEqual([
    expect.objectContaining({
      name: "region",
      type: "select",
      default: "eu",
      options: [
        { label: "eu", value: "eu" },
        { label: "us", value: "us" },
      ],
    }),
    { name: "tenant", required: true, default: "main" },
    { name: "key", label: "X-Api-Key", secret: true, required: true, help: "Under Settings." },
  ]);
});

test("parameters become typed inputs, and stand where the document puts them", () => {
  expect(manifest.actions.list_pets).toEqual({
    title: "List pets",
    input: {
      limit: { type: "number", default: 20, min: 1, max: 100 },
      ids: { type: "number", list: true },
      x_trace: { pattern: "^[a-z]+$" },
    },
    request: {
      path: "/pets",
      query: { limit: "{{ input.limit }}", ids: '{{ $join($map(input.ids, $string), ",") }}' },
      headers: { "X-Trace": "{{ input.x_trace }}" },
    },
    error: "body.error.message",
    output: "body",
  });
});

test("a body's properties become inputs, without those that cannot be written", () => {
  expect(manifest.actions.create_pet).toMatchObject({
    scopes: ["pets.write"],
    auth: ["oauth"],
    input: {
      name: { required: true, max: 50 },
      kind: {
        type: "select",
        default: "cat",
        options: [
          { label: "cat", value: "cat" },
          { label: "dog", value: "dog" },
        ],
      },
      tags: { list: true },
      owner: { type: "object" },
      born: { type: "date" },
    },
    request: {
      method: "POST",
      path: "/pets",
      body: { name: "{{ input.name }}", tags: "{{ input.tags }}", owner: "{{ input.owner }}" },
    },
  });
  expect(manifest.actions.create_pet.input.id).toBeUndefined();
});

test("files, forms, lists and parts that are not declared find their place", () => {
  const { put_pets_pet_id_photo: photo, upload_file: upload, put_notes: put, send_form: form } = manifest.actions;
  expect(photo).toMatchObject({
    input: { file: { type: "file" } },
    request: { encoding: "multipart", path: "/pets/{{ input.pet_id }}/photo" },
  });
  expect(upload).toEqual({
    title: "Upload file",
    input: { size: {}, code: {}, name: { required: true }, body: { type: "file" } },
    request: {
      method: "POST",
      path: "/files/{{ input.name }}",
      query: { size: "{{ input.size }}", code: "{{ input.code }}" },
      encoding: "binary",
      body: "{{ input.body }}",
    },
  });
  expect(put).toMatchObject({ input: { body: { type: "object", list: true } }, request: { body: "{{ input.body }}" } });
  expect(form).toMatchObject({ input: { a: { required: true }, b: {}, c: { type: "number" } }, request: { encoding: "form" } });
});

test("what cannot be carried over is said", () => {
  expect(said).toEqual(
    expect.arrayContaining([
      "webhooks: not carried over",
      "securitySchemes.oauth.flows.implicit: not carried over: tokens would travel in URLs",
      "securitySchemes.sso: not carried over: its endpoints are discovered; enter them as `oauth2`",
      "TRACE /files/{name}: not carried over: the method is not supported",
      "upload-file.session: not carried over: parameters in `cookie` are not supported",
      "upload-file.filter: not carried over: an object has no place in a path, a query or a header",
      "#/components/schemas/Nowhere: not carried over: the reference leads nowhere in this file",
      "upload-file.code.pattern: not carried over: it is no RE2 pattern for the whole value",
      "upload-file.name: a part of the path that is not declared; a text is asked for",
      "upload-file.callbacks: not carried over",
      "wipe.requestBody: not carried over: none of application/x-protobuf can be sent",
    ]),
  );
});

const small = (more: object) => ({
  openapi: "3.0.3",
  info: { title: "Small" },
  servers: [{ url: "https://api.small.example/" }],
  paths: {},
  ...more,
});

test("several servers are environments, and those for development are left out", () => {
  const servers = [
    { url: "https://api.small.example/v1/", description: "Live" },
    { url: "https://sandbox.small.example/v1", description: "Try it" },
    { url: "http://localhost:3000" },
  ];
  expect(imported(small({ servers })).manifest).toMatchObject({
    base_url: "{{ env.base_url }}",
    environments: {
      production: { base_url: "https://api.small.example/v1" },
      sandbox: { base_url: "https://sandbox.small.example/v1" },
    },
  });
});

test.each([
  [{ a: { type: "http", scheme: "basic" } }, { basic: { type: "basic" } }],
  [{ a: { type: "http", scheme: "Bearer" } }, { token: { type: "bearer" } }],
  [
    { a: { type: "apiKey", in: "query", name: "key" } },
    { key: { type: "api_key", apply: { in: "query", name: "key", value: "{{ fields.a }}" } } },
  ],
  [
    { a: { type: "oauth2", flows: { clientCredentials: { tokenUrl: "/token", scopes: { x: "" } } } } },
    {
      machine: {
        grant: "client_credentials",
        client: { source: "connection" },
        token: { url: "https://api.small.example/token" },
      },
    },
  ],
  [
    { a: { type: "oauth2", flows: { password: { tokenUrl: "https://small.example/token", scopes: {} } } } },
    { password: { grant: "password", acknowledge_risk: "password_grant" } },
  ],
  [{ a: { type: "mutualTLS" } }, { none: { type: "none" } }],
])("the schemes %j become %j", (securitySchemes, auth) => {
  expect(imported(small({ components: { securitySchemes } })).manifest.auth).toMatchObject(auth);
});

test("schemes that count together become one way to connect", () => {
  const securitySchemes = { app: { type: "apiKey", in: "header", name: "X-App" }, user: { type: "http", scheme: "bearer" } };
  const { manifest: both } = imported(small({ components: { securitySchemes }, security: [{ app: [], user: [] }] }));
  expect(Object.values(both.auth)).toEqual([
    expect.objectContaining({
      apply: expect.arrayContaining([{ name: "X-App", value: "{{ fields.app }}" }, { value: "Bearer {{ fields.token }}" }]),
    }),
  ]);
});

test.each([
  [{ swagger: "2.0" }, "it is of version 2.0"],
  [{ title: "x" }, "the file is no OpenAPI document"],
  [small({ servers: [] }), "it names no server"],
  [small({ servers: [{ url: "/v1" }] }), "is no whole URL"],
])("%j is not imported, and the reason is told", (document, reason) => {
  expect(importOpenApi(document, { operations: undefined }).reason).toContain(reason);
});

test("a schema that contains itself ends", () => {
  const schemas = {
    Tree: {
      type: "object",
      properties: { child: { $ref: "#/components/schemas/Tree" } },
      allOf: [{ $ref: "#/components/schemas/Tree" }],
    },
  };
  const content = { "application/json": { schema: { $ref: "#/components/schemas/Tree" } } };
  const paths = { "/trees": { post: { operationId: "plant", requestBody: { content }, responses: {} } } };
  expect(imported(small({ components: { schemas }, paths })).manifest.actions.plant.input).toEqual({ child: { type: "object" } });
});

describe("the command", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "jackfield-openapi-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  async function jackfield(...args: string[]) {
    const said = { out: "", error: "" };
    const write = (to: "out" | "error") => (text: string) => {
      said[to] += text;
    };
    return {
      code: await run(["import", "openapi", ...args], { out: write("out"), error: write("error"), colour: false }),
      ...said,
    };
  }

  test("without a choice it lists the operations, with one it makes actions of them", async () => {
    const none = await jackfield(file);
    expect([none.code, none.error]).toEqual([0, expect.stringContaining("0 of 8 operations\n  getMe\n  listPets\n")]);
    const some = await jackfield(file, "--operations", "getMe,createPet", "--name", "pets", "--out", folder);
    expect([some.code, some.out]).toEqual([0, expect.stringContaining("2 of 8 operations")]);
    const written = parse(readFileSync(join(folder, "pets/connector.yaml"), "utf8"));
    expect([written.name, Object.keys(written.actions)]).toEqual(["pets", ["get_me", "create_pet"]]);
    expect((await jackfield(file, "--all", "--name", "pets", "--out", folder)).code).toBe(1);
  });

  test("--json tells which action became of which operation", async () => {
    const { out } = await jackfield(file, "--operations", "upload-file", "--json");
    const { operations, manifest: text } = JSON.parse(out) as { operations: { id: string; action?: string }[]; manifest: string };
    expect(operations.filter(({ action }) => action !== undefined)).toEqual([{ id: "upload-file", action: "upload_file" }]);
    expect(Object.keys(parse(text).actions)).toEqual(["upload_file"]);
  });

  test("a base URL may be given", async () => {
    const path = join(folder, "relative.json");
    writeFileSync(path, JSON.stringify(small({ servers: [{ url: "/" }] })));
    expect((await jackfield(path)).code).toBe(1);
    expect((await jackfield(path, "--base-url", "https://given.example/")).out).toContain("base_url: https://given.example\n");
  });

  test.each([
    [[], "needs one file"],
    [[file, "--all", "--operations", "x"], "not both"],
    [[file, "--operations", "nothing"], "There is no operation nothing"],
    [["/does/not/exist"], "cannot be read"],
  ])("%j is wrong usage", async (args, words) => {
    const { code, error } = await jackfield(...args);
    expect([code, error.includes(words)]).toEqual([2, true]);
  });
});
