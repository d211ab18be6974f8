import { cleanup } from "./harness/cleanup.ts";
import { startProduct } from "./harness/product.ts";

jest.setTimeout(300_000);
afterAll(cleanup);

const manifest = (name: string, number: number) => `manifest: 1
name: ${name}
title: Number ${number}
base_url: https://api.number-${number}.example/v1
auth:
  oauth:
    type: oauth2
    grant: authorization_code
    scopes: { required: [{ name: read, reason: Read what is there. }] }
    authorization: { url: "https://login.number-${number}.example/authorize" }
    token: { url: "https://login.number-${number}.example/token" }
    test: { request: { path: /me } }
    label: "{{ me.name }}'s Number ${number}"
    unique_id: me.id
  key:
    type: api_key
    apply: { in: header, name: X-Api-Key, value: "{{ fields.api_key }}" }
    test: { request: { path: /me }, valid: "me.active = true and $count(me.roles) > 0" }
    label: "{{ me.name }}"
    unique_id: me.id
actions:
  list_things:
    title: List things
    input: { limit: { type: number, default: 20, min: 1, max: 100, label: How many } }
    request: { path: /things, query: { limit: "{{ input.limit }}" } }
    output: "body.items.{ 'id': id, 'name': name }"
`;

test("1,000 manifests in the folder start, and all of them are in the catalogue", async () => {
  const names = Array.from({ length: 1000 }, (_, number) => `number-${number}`);
  const connectors = Object.fromEntries(names.map((name, number) => [name, manifest(name, number)]));
  const before = Date.now();
  const product = await startProduct({ connectors });
  const seconds = (Date.now() - before) / 1000;
  process.stderr.write(`1,000 manifests: ready after ${seconds.toFixed(1)} s\n`);

  const listed = new Set<string>();
  let next: string | null = null;
  do {
    const cursor: string = next === null ? "" : `?cursor=${encodeURIComponent(next)}`;
    const answer = await product.get(`/v1/connectors${cursor}`);
    expect(answer.status).toBe(200);
    for (const connector of answer.json.items) listed.add(connector.name);
    next = answer.json.next;
  } while (next !== null);
  expect(names.filter((name) => !listed.has(name))).toEqual([]);
  expect((await product.get("/v1/connectors/number-999")).json).toMatchObject({ name: "number-999", title: "Number 999" });
});
