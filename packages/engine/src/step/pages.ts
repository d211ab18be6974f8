// A list that comes in pages: how one answer leads to the next request.

import { isDeepStrictEqual } from "node:util";
import { type Action, asList, type Paginate, type Parameters, type Request } from "@jackfield/manifest";
import type { ApiAnswer } from "../connection/api-call.ts";
import { evaluate, type Names } from "../request/hole.ts";
import { followedUrl } from "../request/url.ts";

/** What templates know of the page that is asked for. */
export interface PageNames {
  /** Absent on the first page. */
  readonly cursor?: unknown;
  readonly number: number;
  readonly offset: number;
  readonly size: number | undefined;
}

/** Where the next page is: the same request with other names, or a URL of its own. */
export interface NextPage {
  readonly page: PageNames;
  readonly url?: string;
}

type Paginated = Action & { readonly paginate: Paginate };

export const isPaginated = (action: Action): action is Paginated => action.paginate !== undefined;

export function firstPage({ type, start, size }: Paginate): PageNames {
  return { number: type === "page" ? start : 1, offset: type === "offset" ? start : 0, size };
}

/** The action's request, or that of the pages after the first, with what every page adds. */
export function pageRequest({ request: first, paginate }: Paginated, isFirst: boolean): Request {
  const request = isFirst ? first : (paginate.request ?? first);
  const { query, headers, body } = paginate.send;
  const merged = Object.keys(body).length === 0 ? request.body : { ...(request.body as object), ...body };
  return {
    ...request,
    query: laidOver(request.query, query),
    headers: laidOver(request.headers, headers),
    body: merged,
  };
}

/** A hole that gives a whole map stands only where pages add nothing to it. */
function laidOver(own: Request["query"], added: Parameters): Request["query"] {
  return Object.keys(added).length === 0 ? own : { ...(own as Parameters), ...added };
}

/** The items of one answer, and where the next ones are; undefined at the end. */
export async function readPage(
  paginate: Paginate,
  answer: ApiAnswer,
  names: Names & { readonly page: PageNames },
): Promise<{ readonly items: readonly unknown[]; readonly next: NextPage | undefined }> {
  const root = { ...names, body: answer.body, response: { status: answer.status, headers: answer.headers, body: answer.body } };
  const items = asList(await evaluate(paginate.items, root));
  const said = paginate.next === undefined ? undefined : await evaluate(paginate.next, root);
  const next = followers[paginate.type]({ said, answer, items, page: names.page, size: paginate.size });
  return { items, next };
}

interface Page {
  /** What `next` gives. */
  readonly said: unknown;
  readonly answer: ApiAnswer;
  readonly items: readonly unknown[];
  readonly page: PageNames;
  readonly size: number | undefined;
}

const isSomething = (value: unknown) => value !== undefined && value !== null && value !== "" && value !== false;

const numbered = ({ page, items }: Page): PageNames => ({
  number: page.number + 1,
  offset: page.offset + items.length,
  size: page.size,
});

/** A page that is not full is the last one; where the size is not known, an empty one is. */
const isLast = ({ items, size, said }: Page) =>
  items.length === 0 || (size !== undefined && items.length < size) || said === false;

const followers: { readonly [T in Paginate["type"]]: (page: Page) => NextPage | undefined } = {
  cursor: (page) =>
    isSomething(page.said) && !isDeepStrictEqual(page.said, page.page.cursor)
      ? { page: { ...numbered(page), cursor: page.said } }
      : undefined,
  page: (page) => (isLast(page) ? undefined : { page: numbered(page) }),
  offset: (page) => (isLast(page) ? undefined : { page: numbered(page) }),
  url: (page) => elsewhere(page, page.said),
  link: (page) => (page.said === false ? undefined : elsewhere(page, linkToNext(page.answer.headers.link))),
};

/** A URL may be given relative to the one that answered. Throws `url_invalid`: a list that looks complete and is not would be worse. */
function elsewhere(page: Page, url: unknown): NextPage | undefined {
  if (typeof url !== "string" || url === "") return undefined;
  const next = followedUrl(url, page.answer.url);
  return next === page.answer.url ? undefined : { page: numbered(page), url: next };
}

/** The target with `rel=next` of a Link header (RFC 8288 §3). */
export function linkToNext(header: string | undefined): string | undefined {
  for (const [, url, parameters = ""] of (header ?? "").matchAll(/<([^<>]*)>([^<]*)/g)) {
    if (/;\s*rel\s*=\s*(?:"(?:[^"]*\s)?next(?:\s[^"]*)?"|next\b)/i.test(parameters)) return url;
  }
  return undefined;
}
