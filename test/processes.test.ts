import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { readConfig } from "../packages/server/src/config.ts";
import { type Server as Product, startServer } from "../packages/server/src/server.ts";
import { afterwards, cleanup, temporary } from "./harness/cleanup.ts";
import { type Answer, send } from "./harness/http.ts";
import { sharedMongodb, withMongodb } from "./harness/services.ts";
import { until } from "./harness/wait.ts";

// Whole servers on one MongoDB, as one deployment: what one does is there in the others.

jest.setTimeout(120_000);

let api: Server;
let base: string;
const seen: string[] = [];

beforeAll(async () => {
  api = createServer((request, response) => {
    seen.push(request.url ?? "");
    response.setHeader("content-type", "application/json").end('{"id":1,"name":"Ada"}');
  });
  await new Promise<void>((resolve) => api.listen(0, "127.0.0.1", resolve));
  base = `http://127.0.0.1:${(api.address() as AddressInfo).port}`;
});
afterAll(async () => {
  await cleanup();
  await new Promise((resolve) => api.close(resolve));
});
afterEach(cleanup);

const manifest = (version: number) => `manifest: 1
name: acme
title: Acme ${version}
base_url: ${base}/v${version}
auth:
  key:
    type: api_key
    apply: { in: header, name: X-Api-Key, value: "{{ fields.api_key }}" }
    test: { request: { path: /me } }
    label: "{{ me.name }}"
    unique_id: me.id
actions:
  look: { title: Look, request: { path: /items }, output: body.name }
`;

const masterKey = Buffer.alloc(32, 7).toString("base64");
let databases = 0;

/** So many servers that begin at the same time, on a database of their own. */
async function start(count: number, env: Record<string, string> = {}): Promise<readonly Product[]> {
  databases += 1;
  const url = new URL(sharedMongodb);
  url.pathname = `/processes-${process.pid}-${databases}`;
  const begin = () =>
    startServer(
      readConfig({
        PORT: "0",
        DATA_DIR: join(temporary(), "data"),
        MONGODB_URL: url.href,
        MASTER_KEYS: `k1:${masterKey}`,
        ALLOW_PRIVATE_NETWORKS: "127.0.0.1/32",
        ...env,
      }),
      () => {},
    );
  const servers = await Promise.all(Array.from({ length: count }, begin));
  for (const server of servers) afterwards(() => server.close());
  return servers;
}

const key = "the-admins-own-key-0123456789";
const ask = ({ url }: Product, method: string, path: string, body?: unknown): Promise<Answer> =>
  send(`${url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${key}`,
      "content-type": typeof body === "string" ? "application/yaml" : "application/json",
    },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });

/** Watches a connection; gives all that was heard so far. */
async function listen({ url }: Product, path: string): Promise<() => string> {
  const ending = new AbortController();
  const headers = { authorization: `Bearer ${key}`, accept: "text/event-stream" };
  const { body } = await fetch(`${url}${path}/events`, { headers, signal: ending.signal });
  let text = "";
  const decoder = new TextDecoder();
  const reading = (async () => {
    for await (const chunk of body as AsyncIterable<Uint8Array>) text += decoder.decode(chunk, { stream: true });
  })().catch(() => {});
  afterwards(async () => {
    ending.abort();
    await reading;
  });
  await until("the stream to begin", () => text.includes("event: connection"));
  return () => text;
}

withMongodb("several processes on one store", () => {
  test("that start at once on nothing have one first admin key and one sign-in link each, all of which work", async () => {
    const servers = await start(3, { SANDBOX: "on" });
    const keys = servers.flatMap(({ welcome }) => welcome?.adminKey ?? []);
    expect(keys).toHaveLength(1);
    for (const { url, welcome } of servers) {
      // Wherever a link was printed, it is good anywhere.
      const at = servers.find((other) => other.url !== url)?.url;
      const { status, headers } = await send(`${at}/sign-in?token=${welcome?.signInToken}`, {});
      expect([status, String(headers["set-cookie"])]).toEqual([303, expect.stringContaining("jackfield")]);
    }
    const listed = await send(`${servers[2]?.url}/v1/api_keys`, { headers: { authorization: `Bearer ${keys[0]}` } });
    expect(listed.json.items).toHaveLength(1);
  });

  test("are one deployment: what is published, connected and watched at one is so at the other", async () => {
    const [one, other] = (await start(2, { ADMIN_API_KEY: key })) as [Product, Product];
    expect((await ask(one, "PUT", "/v1/connectors/acme", manifest(1))).status).toBe(201);
    expect((await ask(other, "GET", "/v1/connectors/acme")).json.title).toBe("Acme 1");
    const made = await ask(other, "POST", "/v1/connections", { connector: "acme", fields: { api_key: "a-key-0123456789" } });
    expect(made.json).toMatchObject({ status: "connected" });
    const path = `/v1/connections/${made.json.id}`;

    expect((await ask(other, "PUT", "/v1/connectors/acme", manifest(2))).status).toBe(200);
    await until("the manifest to be there", async () => (await ask(one, "GET", "/v1/connectors/acme")).json.title === "Acme 2");
    seen.length = 0;
    expect((await ask(one, "POST", `${path}/actions/look`, { input: {} })).json.output).toBe("Ada");
    expect(seen).toEqual(["/v1/items"]);

    const heard = await listen(one, path);
    await ask(other, "PATCH", path, { name: "Renamed elsewhere" });
    await until("the stream to tell of it", () => heard().includes("Renamed elsewhere"));
    expect(heard().split('"type":"renamed"')).toHaveLength(2);
  });
});
