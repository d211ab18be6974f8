import { cleanup } from "./harness/cleanup.ts";
import { draft, step } from "./harness/connect.ts";
import { type Product, startProduct } from "./harness/product.ts";
import { type OddProvider, startOddProvider } from "./provider/odd.ts";

// A list whose later pages are asked for while the provider is busy: each page has the tries of a request of its own.

jest.setTimeout(60_000);

const pages = 6;
let odd: OddProvider;
let product: Product;
let busy: Set<number>;

const manifest = (url: string) => `manifest: 1
name: paged
title: Paged
base_url: ${url}/api
auth:
  key:
    type: bearer
    test: { request: { path: /me } }
    label: Pages
    unique_id: me.id
actions:
  list: { title: List, request: { path: /list }, paginate: { type: link, items: body.items } }
`;

beforeAll(async () => {
  odd = await startOddProvider({
    "/api/me": () => ({ body: { id: 1 } }),
    "/api/list": ({ query, headers }) => {
      const page = Number(query.get("page") ?? 1);
      if (busy.delete(page)) return { status: 429, headers: { "retry-after": "0" }, body: { error: "slow down" } };
      const next = page < pages ? { link: `<http://${headers.host}/api/list?page=${page + 1}>; rel="next"` } : {};
      return { headers: next, body: { items: [page] } };
    },
  });
  product = await startProduct({ connectors: { paged: manifest(odd.url) } });
});

afterAll(cleanup);

test("a busy provider is asked again for a late page as for the first", async () => {
  busy = new Set([1, 4, 6]);
  const { id } = await draft(product, "paged", { fields: { token: "canary-token" } });
  const { status, json } = await step(product, id, "list");
  expect([status, json.output]).toEqual([200, [1, 2, 3, 4, 5, 6]]);
  expect(json.step.attempts).toBe(pages + 3);
});
