import { compileExpression, type Paginate } from "@jackfield/manifest";
import type { ApiAnswer } from "../src/connection/api-call.ts";
import { firstPage, linkToNext, readPage } from "../src/step/pages.ts";

const paginate = (over: Partial<Paginate>): Paginate => ({
  type: "cursor",
  items: compileExpression("body.items"),
  next: undefined,
  size: undefined,
  start: over.type === "page" ? 1 : 0,
  send: { query: {}, headers: {}, body: {} },
  max_pages: 100,
  request: undefined,
  limit: undefined,
  ...over,
});

const answer = (body: unknown, headers: Record<string, string> = {}): ApiAnswer => ({
  status: 200,
  headers,
  body,
  host: "api.acme.example",
  url: "https://api.acme.example/v1/items?limit=2",
  duration_ms: 1,
  bytes: 2,
  retry_after: undefined,
  redact: (text) => text,
});

const read = (declared: Paginate, given: ApiAnswer, page = firstPage(declared)) => readPage(declared, given, { page });

test("A cursor is sent back until there is none, or it stays the same", async () => {
  const declared = paginate({ next: compileExpression("body.next") });
  const { items, next } = await read(declared, answer({ items: [1, 2], next: "c1" }));
  expect(items).toEqual([1, 2]);
  expect(next).toEqual({ page: { cursor: "c1", number: 2, offset: 2, size: undefined } });
  for (const end of [{ items: [3] }, { items: [3], next: "" }, { items: [3], next: null }, { items: [], next: "c1" }]) {
    expect((await read(declared, answer(end), next?.page)).next).toBeUndefined();
  }
});

test("Pages and offsets are counted until one is not full", async () => {
  const pages = paginate({ type: "page", size: 2 });
  expect(firstPage(pages)).toMatchObject({ number: 1, size: 2 });
  expect((await read(pages, answer({ items: [1, 2] }))).next).toEqual({ page: { number: 2, offset: 2, size: 2 } });
  expect((await read(pages, answer({ items: [1] }))).next).toBeUndefined();
  const offsets = paginate({ type: "offset", size: 2 });
  expect((await read(offsets, answer({ items: [1, 2] }))).next).toEqual({ page: { number: 2, offset: 2, size: 2 } });
  expect((await read(offsets, answer({ items: [] }))).next).toBeUndefined();
});

test("The header Link names the next page, whatever stands beside it", async () => {
  const header = '<https://api.acme.example/v1/items?page=1>; rel="prev", </v1/items?page=3>; title="a, b"; rel="next last"';
  expect(linkToNext(header)).toBe("/v1/items?page=3");
  for (const none of [undefined, "", '<https://x.example>; rel="nextish"', "<https://x.example>; rel=prev"]) {
    expect(linkToNext(none)).toBeUndefined();
  }
  const { next } = await read(paginate({ type: "link" }), answer({ items: [1] }, { link: header }));
  expect(next?.url).toBe("https://api.acme.example/v1/items?page=3");
});

test("A next URL may be relative, and an expression that says false ends a list of links", async () => {
  const urls = paginate({ type: "url", next: compileExpression("body.next") });
  expect((await read(urls, answer({ items: [1], next: "?page=2" }))).next?.url).toBe("https://api.acme.example/v1/items?page=2");
  const links = paginate({ type: "link", next: compileExpression("body.more") });
  const link = { link: '</v1/items?page=3>; rel="next"' };
  expect((await read(links, answer({ items: [1], more: true }, link))).next).toBeDefined();
  expect((await read(links, answer({ items: [1], more: false }, link))).next).toBeUndefined();
});

test("A next page that is the page which was just read is the end", async () => {
  const url = "https://api.acme.example/v1/items?limit=2";
  const declared = paginate({ type: "url", next: compileExpression("body.next") });
  expect((await read(declared, answer({ items: [1], next: url }))).next).toBeUndefined();
  const cursors = paginate({ next: compileExpression("body.next") });
  const { next } = await read(cursors, answer({ items: [1], next: { after: 1 } }));
  expect(next?.page.cursor).toEqual({ after: 1 });
  expect((await read(cursors, answer({ items: [1], next: { after: 1 } }), next?.page)).next).toBeUndefined();
});
