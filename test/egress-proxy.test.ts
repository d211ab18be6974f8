import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, connect, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { certificate, certificateKey } from "../packages/engine/test/egress/certificate.ts";
import { afterwards, cleanup, temporary } from "./harness/cleanup.ts";
import { draft, step } from "./harness/connect.ts";
import { type Product, startProduct } from "./harness/product.ts";

/*
 * A deployment behind a real CONNECT proxy. The provider's name leads to a public address, which is reached through the proxy alone: here it
 * is the tests' own listener, to which the proxy connects in its place.
 */

jest.setTimeout(120_000);
afterAll(cleanup);

const publicAddress = "93.184.216.34";

async function listenOn(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  afterwards(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

const manifest = `manifest: 1
name: acme
title: Acme
base_url: https://api.example/v1
auth:
  oauth:
    type: oauth2
    grant: client_credentials
    client: { source: connection }
    token: { url: "https://api.example/token" }
    test: { request: { path: /me } }
    label: "{{ me.name }}"
    unique_id: me.name
actions:
  list_items: { title: List items, request: { path: /items }, output: body.items }
`;

const answers: Readonly<Record<string, unknown>> = {
  "/token": { access_token: "canary-token-of-acme", token_type: "Bearer", expires_in: 3600 },
  "/v1/me": { name: "Ada" },
  "/v1/items": { items: [1, 2] },
};

let product: Product;
let refuse = false;
const asked: string[] = [];
const seen: string[] = [];

beforeAll(async () => {
  const provider = createTlsServer({ cert: certificate, key: certificateKey }, (request, response) => {
    seen.push(`${request.headers.host}${request.url}`);
    response.setHeader("content-type", "application/json");
    response.setHeader("connection", "close");
    response.end(JSON.stringify(answers[request.url ?? ""] ?? {}));
  });
  const providerPort = await listenOn(provider);
  const proxy = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    response.writeHead(405).end();
  });
  proxy.on("connect", (request, client: Socket) => {
    const { "proxy-authorization": authorization } = request.headers;
    asked.push(`${request.url} ${authorization}`);
    client.on("error", () => {});
    if (refuse) return void client.end("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n");
    const upstream = connect(providerPort, "127.0.0.1", () => {
      client.write("HTTP/1.1 200 OK\r\n\r\n");
      upstream.pipe(client).pipe(upstream);
    });
    upstream.on("error", () => client.destroy());
  });
  const proxyPort = await listenOn(proxy);
  const folder = temporary();
  const [names, ca] = [join(folder, "names.json"), join(folder, "ca.pem")];
  writeFileSync(names, JSON.stringify({ "api.example": [[publicAddress]] }));
  writeFileSync(ca, certificate);
  product = await startProduct({
    connectors: { acme: manifest },
    env: {
      NODE_OPTIONS: `--import ${pathToFileURL(join(process.cwd(), "test/harness/names.mjs"))}`,
      NAMES_FILE: names,
      NODE_EXTRA_CA_CERTS: ca,
      EGRESS_PROXY: `http://us:canary%3Apassword@127.0.0.1:${proxyPort}`,
      HTTPS_PROXY: "http://127.0.0.1:9",
      NO_PROXY: "*",
    },
  });
});

test("Token calls and steps go through the operator's proxy, by the address, and through no other", async () => {
  const { id, status } = await draft(product, "acme", { fields: { client_id: "me", client_secret: "canary-client-secret" } });
  expect(status).toBe("connected");
  expect((await step(product, id, "list_items")).json.output).toEqual([1, 2]);
  expect((await product.get(`/v1/connections/${id}/proxy/items`)).json).toEqual({ items: [1, 2] });
  const authorization = `Basic ${Buffer.from("us:canary:password").toString("base64")}`;
  expect(asked).toEqual(Array.from({ length: 4 }, () => `${publicAddress}:443 ${authorization}`));
  expect(seen).toEqual(["api.example/token", "api.example/v1/me", "api.example/v1/items", "api.example/v1/items"]);

  refuse = true;
  const { status: failed, json } = await step(product, id, "list_items");
  expect([failed, json.code, json.audience]).toEqual([502, "egress_proxy_failed", "operator"]);
  expect(json.detail).toContain("it answers 403");
  expect(seen).toHaveLength(4);
  expect(product.output + JSON.stringify(json)).not.toContain("canary");
});
