import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { loadAuthVersions } from "../src/auth-versions.ts";
import { openSqlite } from "../src/store/database.ts";
import { openStore } from "../src/store/sqlite.ts";
import { type Product, startProduct } from "./product.ts";
import { temporary } from "./temporary.ts";

let api: Server;
let port: number;
/** What the API was asked. */
const seen: string[] = [];
/** Whether it cannot take revocations. */
let down = false;

beforeAll(async () => {
  api = createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    response.statusCode = request.method === "DELETE" && down ? 503 : 200;
    response.setHeader("content-type", "application/json");
    response.end('{"id":"1","name":"Ada"}');
  });
  await new Promise<void>((resolve) => api.listen(0, "127.0.0.1", resolve));
  ({ port } = api.address() as AddressInfo);
});
afterAll(() => new Promise((resolve) => api.close(resolve)));

const manifest = (version: number, more = "") => `manifest: 1
name: acme
title: Acme
base_url: http://127.0.0.1:${port}/v${version}
auth:
  key:
    type: api_key
    apply: { in: header, name: X-Api-Key, value: "{{ fields.api_key }}" }
    test: { request: { path: /me } }
    label: "{{ me.name }}"
    unique_id: me.id
${more}actions:
  look: { title: Look, request: { path: /items }, output: body.name }
`;

const env = { ALLOW_PRIVATE_NETWORKS: "127.0.0.1/32" };
const day = 86_400_000;

const publish = (product: Product, text: string) =>
  product.send("PUT", "/v1/connectors/acme", { body: text, headers: { "content-type": "application/yaml" } });

const patch = (product: Product, id: string, api_key: string) =>
  product.send("PATCH", `/v1/connections/${id}`, { body: { fields: { api_key } } });

async function connect(product: Product, owner = "ada"): Promise<string> {
  const body = { connector: "acme", owner, fields: { api_key: "a-key-0123456789" } };
  const { json } = await product.send("POST", "/v1/connections", { body });
  expect(json.status).toBe("connected");
  return json.id;
}

/** What is stored, read while no server runs. */
async function stored(dataDir: string): Promise<readonly { version: string; definition: string }[]> {
  const store = openStore(join(dataDir, "jackfield.db"));
  const list = await store.auth_versions.list();
  await store.close();
  return list;
}

test("a definition is stored once for all connections, and goes a day after nobody uses it any more", async () => {
  let now = Date.UTC(2026, 0, 1);
  const dataDir = join(temporary(), "data");
  const start = () => startProduct({ connectors: { acme: manifest(1) }, env, dataDir, clock: () => now });
  let product = await start();
  const [ada, alan] = [await connect(product), await connect(product, "alan")];
  await publish(product, manifest(2));
  await patch(product, ada, "b-key-0123456789");
  await product.server.close();
  expect(await stored(dataDir)).toHaveLength(2);

  now += 2 * day;
  product = await start();
  expect((await product.send("GET", `/v1/connections/${alan}`)).json.upgrade_available).toBe(true);
  await patch(product, alan, "b-key-0123456789");
  await product.server.close();
  const both = (await stored(dataDir)).map(({ definition }) => /\/v[12]/.exec(definition)?.[0]);
  expect(both.sort()).toEqual(["/v1", "/v2"]);

  product = await start();
  await product.server.close();
  const [left, ...others] = await stored(dataDir);
  expect(left?.definition).toContain("/v2");
  expect(others).toEqual([]);
});

test("what does not make a new version follows the manifest until there is one", async () => {
  const dataDir = join(temporary(), "data");
  let product = await startProduct({ connectors: { acme: manifest(1) }, env, dataDir });
  await connect(product);
  await publish(product, manifest(1).replace("path: /me", "path: /users/me"));
  await product.server.close();
  expect((await stored(dataDir)).map(({ definition }) => definition)).toEqual([expect.stringContaining("/users/me")]);
  product = await startProduct({ connectors: {}, env, dataDir });
  await publish(product, manifest(2));
  await product.server.close();
  expect((await stored(dataDir)).map(({ definition }) => definition)).toEqual([expect.stringContaining("/v1")]);
});

test("a connection from before there were versions takes the one that it is tested with", async () => {
  const dataDir = join(temporary(), "data");
  let product = await startProduct({ connectors: { acme: manifest(1) }, env, dataDir });
  const id = await connect(product);
  const { auth_version: version } = (await product.send("GET", `/v1/connections/${id}`)).json;
  await product.server.close();
  const sqlite = openSqlite(join(dataDir, "jackfield.db"));
  sqlite.run("UPDATE connections SET doc = json_remove(doc, '$.auth_version'), auth_version = NULL");
  sqlite.run("DELETE FROM auth_versions");
  sqlite.close();

  product = await startProduct({ connectors: { acme: manifest(1) }, env, dataDir });
  const look = async () => (await product.send("GET", `/v1/connections/${id}`)).json;
  expect(await look()).toMatchObject({ status: "connected", auth_version: null, upgrade_available: false });
  expect((await product.send("POST", `/v1/connections/${id}/actions/look`, { body: { input: {} } })).json.output).toBe("Ada");
  expect((await product.send("POST", `/v1/connections/${id}/test`)).json.ok).toBe(true);
  expect(await look()).toMatchObject({ auth_version: version, upgrade_available: false });
  await publish(product, manifest(2));
  expect(await look()).toMatchObject({ auth_version: version, upgrade_available: true });
});

test("what is told again to a provider after a disconnection is told where it was connected", async () => {
  let now = Date.UTC(2026, 0, 1);
  const dataDir = join(temporary(), "data");
  const session = (version: number) =>
    manifest(version)
      .replace(/type: api_key\n.*apply:.*\n/, "type: custom\n")
      .replace(
        "    test:",
        `    fields: [{ name: api_key, label: Acme API key, secret: true, required: true, help: Yours. }]
    token:
      request: { method: POST, url: "http://127.0.0.1:${port}/v${version}/login", body: { key: "{{ fields.api_key }}" } }
      response: { access_token: id }
    revocation: { request: { method: DELETE, path: /session } }
    test:`,
      );
  const start = (version: number) => startProduct({ connectors: { acme: session(version) }, env, dataDir, clock: () => now });
  down = true;
  let product = await start(1);
  const id = await connect(product);
  const ended = await product.send("DELETE", `/v1/connections/${id}`);
  expect(ended).toMatchObject({ status: 200, json: { provider_revoked: false } });
  await product.server.close();
  expect(await stored(dataDir)).toHaveLength(1);

  down = false;
  seen.length = 0;
  now += 2 * day;
  product = await start(2);
  await until(() => seen.length > 0);
  expect(seen).toEqual(["DELETE /v1/session"]);
  await product.server.close();
  now += 2 * day;
  await (await start(2)).server.close();
  expect(await stored(dataDir)).toEqual([]);
});

async function until(is: () => boolean): Promise<void> {
  while (!is()) await new Promise((resolve) => setTimeout(resolve, 20));
}

test("a connection whose definition is lost is never served by another one", async () => {
  const dataDir = join(temporary(), "data");
  let product = await startProduct({ connectors: { acme: manifest(1) }, env, dataDir });
  const id = await connect(product);
  await product.server.close();
  const sqlite = openSqlite(join(dataDir, "jackfield.db"));
  sqlite.run("DELETE FROM auth_versions");
  sqlite.close();

  product = await startProduct({ connectors: { acme: manifest(2) }, env, dataDir });
  const run = () => product.send("POST", `/v1/connections/${id}/actions/look`, { body: { input: {} } });
  expect((await run()).json.code).toBe("auth_version_missing");
  expect((await product.send("GET", `/v1/connections/${id}`)).json.upgrade_available).toBe(true);
  expect((await patch(product, id, "b-key-0123456789")).json).toMatchObject({ status: "connected", upgrade_available: false });
  expect((await run()).json.output).toBe("Ada");
});

test("a definition that cannot be used is compiled, and logged, once", async () => {
  const store = openStore(":memory:");
  await store.auth_versions.put("broken", "not a definition", new Date().toISOString());
  const log = jest.fn();
  const versions = await loadAuthVersions({ store: store.auth_versions, clock: Date.now, log });
  for (let uses = 0; uses < 3; uses += 1) expect(versions.kept("broken")).toBeUndefined();
  expect(log).toHaveBeenCalledTimes(1);
  await store.close();
});
