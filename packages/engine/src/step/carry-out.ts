// What an action does: one request, or those for all pages of its list.

import type { Action, Paginate } from "@jackfield/manifest";
import type { ApiAnswer } from "../connection/api-call.ts";
import { freshNames, namesOf, type OpenConnection } from "../connection/open.ts";
import { JackfieldError } from "../errors.ts";
import { evaluate, type Names } from "../request/hole.ts";
import { renderRequest } from "../request/render.ts";
import type { Runtime } from "../runtime.ts";
import { type Judged, readItem, readOutput, refuseFailure } from "./answer.ts";
import type { Attempts } from "./attempts.ts";
import { firstPage, isPaginated, type NextPage, pageRequest, readPage } from "./pages.ts";

/** An action under way. */
export interface Undertaking {
  readonly runtime: Runtime;
  readonly run: Attempts;
  readonly opened: OpenConnection;
  readonly action: Action;
  readonly input: Readonly<Record<string, unknown>>;
  /** What the request's own id is made of: the same for each run of a step that its caller knows by a key. */
  readonly random: (bytes: number) => Buffer;
  /** What takes the place of a body that is a file. */
  readonly keep?: ((body: unknown) => Promise<unknown>) | undefined;
}

/** How much is read of a list that comes in pages. */
export interface Extent {
  readonly items: number;
  readonly bytes: number;
  readonly pages: number;
  /** So many where the manifest does not say. */
  readonly usualPages: number;
}

/** More would not fit into one answer to a workflow. */
const inOneAnswer: Extent = { items: 100_000, bytes: 50 << 20, pages: Infinity, usualPages: 100 };
/** Nothing of a stream is kept. */
const unbounded: Extent = { items: Infinity, bytes: Infinity, pages: Infinity, usualPages: Infinity };
/** What shows how a list looks. */
const oneToSee: Extent = { ...inOneAnswer, pages: 1 };

export interface CarriedOut {
  /** The last one. */
  readonly answer: ApiAnswer;
  readonly output: unknown;
}

/** Makes the action's request, or those for all pages of its list; to see how it looks only for the first. */
export async function carryOut(task: Undertaking, toSee: boolean): Promise<CarriedOut> {
  if (!isPaginated(task.action)) return carryOutOne(task);
  const output: unknown[] = [];
  let last: ApiAnswer | undefined;
  for await (const { answer, items } of pagesOf(task, task.action, toSee ? oneToSee : inOneAnswer)) {
    last = answer;
    for (const item of items) output.push(item);
  }
  return { answer: last as ApiAnswer, output };
}

/** As `carryOut`, but gives the items while they arrive, page by page. What is no list is one item. */
export async function* carryOutInParts(
  task: Undertaking,
): AsyncGenerator<{ readonly answer: ApiAnswer; readonly items: readonly unknown[] }, void, undefined> {
  if (isPaginated(task.action)) return yield* pagesOf(task, task.action, unbounded);
  const { answer, output } = await carryOutOne(task);
  yield { answer, items: Array.isArray(output) ? output : [output] };
}

async function carryOutOne({ runtime, run, opened, action, input, random, keep }: Undertaking): Promise<CarriedOut> {
  // One random value for all tries, so that the provider knows a repetition.
  const request = freshNames({ clock: runtime.clock, random });
  const header = action.retry?.idempotency_header;
  const known = header === undefined ? {} : { [header.toLowerCase()]: request.id };
  const { answer, names } = await run.until(opened, async (current) => {
    const names: Names = { ...namesOf(runtime, current), input, request };
    const rendered = await renderRequest(action.request, names, current.auth);
    return { names, rendered: { ...rendered, headers: { ...known, ...rendered.headers } } };
  });
  const judged: Judged = { connector: opened.connector, action, redact: answer.redact };
  await refuseFailure(judged, answer, names);
  const kept = keep === undefined ? answer : { ...answer, body: await keep(answer.body) };
  return { answer, output: await readOutput(judged, kept, names) };
}

/** The items of each page as the workflow gets them, at least one page. Of two pages only one is in memory. */
async function* pagesOf(
  { runtime, run, opened, input }: Undertaking,
  action: Action & { readonly paginate: Paginate },
  extent: Extent,
): AsyncGenerator<{ readonly answer: ApiAnswer; readonly items: readonly unknown[] }, void, undefined> {
  const { paginate } = action;
  const mostPages = Math.min(paginate.max_pages ?? extent.usualPages, extent.pages);
  let current = opened;
  let [given, bytes] = [0, 0];
  let next: NextPage | undefined = { page: firstPage(paginate) };
  for (let count = 1; next !== undefined && count <= mostPages; count += 1) {
    const { page, url }: NextPage = next;
    const { answer, names, last } = await run.until(current, async (using) => {
      const names = { ...namesOf(runtime, using), input, page, request: freshNames(runtime) };
      const rendered = await renderRequest(pageRequest(action, count === 1), names, using.auth);
      return { names, rendered: url === undefined ? rendered : { ...rendered, url } };
    });
    current = last;
    const judged: Judged = { connector: opened.connector, action, redact: answer.redact };
    await refuseFailure(judged, answer, names);
    bytes += answer.bytes;
    if (bytes > extent.bytes)
      throw new JackfieldError("provider_answer_too_large", {
        detail: `The pages have more than ${extent.bytes} bytes together. Ask for less at a time, or for JSON lines.`,
      });
    const read = await readPage(paginate, answer, { ...names, page });
    const limit = await limitOf(paginate, { ...names, body: answer.body }, extent.items);
    const wanted = read.items.slice(0, Math.max(0, limit - given));
    given += wanted.length;
    yield { answer, items: await Promise.all(wanted.map((item) => readItem(judged, item))) };
    next = given >= limit ? undefined : read.next;
  }
}

async function limitOf({ limit }: Paginate, names: Names, most: number): Promise<number> {
  const wanted = limit === undefined ? undefined : await evaluate(limit, names);
  return typeof wanted === "number" && !Number.isNaN(wanted) ? Math.min(Math.max(0, Math.floor(wanted)), most) : most;
}
