// What an action does: one request, or those for all pages of its list.

import type { Action, Paginate } from "@jackfield/manifest";
import type { ApiAnswer } from "../connection/api-call.ts";
import { freshNames, namesOf, type OpenConnection } from "../connection/open.ts";
import { JackfieldError } from "../errors.ts";
import { evaluate, type Names } from "../request/hole.ts";
import { renderRequest } from "../request/render.ts";
import type { Runtime } from "../runtime.ts";
import { type Judged, readItems, readOutput, refuseFailure } from "./answer.ts";
import type { Attempts } from "./attempts.ts";
import { firstPage, isPaginated, type NextPage, pageRequest, readPage } from "./pages.ts";

/** Makes the action's request, or those for all pages of its list. */
export async function carryOut(
  runtime: Runtime,
  run: Attempts,
  opened: OpenConnection,
  action: Action,
  input: Readonly<Record<string, unknown>>,
): Promise<{ readonly answer: ApiAnswer; readonly output: unknown }> {
  const { connector } = opened;
  if (isPaginated(action)) return carryOutPages(runtime, run, opened, action, input);
  // One random value for all tries, so that the provider knows a repetition.
  const request = freshNames(runtime);
  const header = action.retry?.idempotency_header;
  const known = header === undefined ? {} : { [header.toLowerCase()]: request.id };
  const { answer, names } = await run.until(opened, async (current) => {
    const names: Names = { ...namesOf(runtime, current), input, request };
    const rendered = await renderRequest(action.request, names, current.auth);
    return { names, rendered: { ...rendered, headers: { ...known, ...rendered.headers } } };
  });
  const judged: Judged = { connector, action, redact: answer.redact };
  await refuseFailure(judged, answer, names);
  return { answer, output: await readOutput(judged, answer, names) };
}

/** More would not fit into one answer to a workflow. */
const mostItems = 100_000;
const mostBytes = 50 << 20;

async function carryOutPages(
  runtime: Runtime,
  run: Attempts,
  opened: OpenConnection,
  action: Action & { readonly paginate: Paginate },
  input: Readonly<Record<string, unknown>>,
): Promise<{ readonly answer: ApiAnswer; readonly output: unknown }> {
  const { paginate } = action;
  const items: unknown[] = [];
  let bytes = 0;
  let current = opened;
  let next: NextPage | undefined = { page: firstPage(paginate) };
  for (let count = 1; ; count += 1) {
    const { page, url }: NextPage = next;
    const { answer, names, last } = await run.until(current, async (using) => {
      const names = { ...namesOf(runtime, using), input, page, request: freshNames(runtime) };
      const rendered = await renderRequest(pageRequest(action, count === 1), names, using.auth);
      return { names, rendered: url === undefined ? rendered : { ...rendered, url } };
    });
    current = last;
    const judged: Judged = { connector: opened.connector, action, redact: answer.redact };
    await refuseFailure(judged, answer, names);
    const read = await readPage(paginate, answer, { ...names, page });
    for (const item of read.items.slice(0, mostItems - items.length)) items.push(item);
    bytes += answer.bytes;
    if (bytes > mostBytes)
      throw new JackfieldError("provider_answer_too_large", {
        detail: `The pages have more than ${mostBytes} bytes together. Ask for less at a time.`,
      });
    next = read.next;
    const limit = await limitOf(paginate, { ...names, body: answer.body });
    if (next === undefined || count >= paginate.max_pages || items.length >= limit) {
      return { answer, output: await readItems(judged, items.slice(0, limit)) };
    }
  }
}

async function limitOf({ limit }: Paginate, names: Names): Promise<number> {
  const wanted = limit === undefined ? undefined : await evaluate(limit, names);
  return typeof wanted === "number" && !Number.isNaN(wanted) ? Math.min(Math.max(0, Math.floor(wanted)), mostItems) : mostItems;
}
