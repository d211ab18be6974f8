// The calls of the API that steps, drop-downs and triggers make.

import type { Action, Inputs, Request } from "@jackfield/manifest";
import { sendAuthorized } from "../connection/api-call.ts";
import { namesOf } from "../connection/open.ts";
import { renderRequest } from "../request/render.ts";
import { joinUrl, renderUrl } from "../request/url.ts";
import { firstPage, isPaginated, pageRequest } from "../step/pages.ts";
import { answers } from "./placeholders.ts";
import type { Recorder, RequestKind } from "./recorder.ts";
import type { Stand } from "./stand-in.ts";

/** Options and triggers are called with the first way to connect, each action with the first that it works with. */
export async function previewCalls(preview: Recorder, stands: readonly Stand[]): Promise<void> {
  const [first] = stands;
  if (first === undefined) return;
  await previewOptions(preview, first);
  for (const action of Object.values(first.connector.actions)) {
    const stand = stands.find(({ auth }) => action.auth === undefined || action.auth.includes(auth.id));
    if (stand !== undefined) await previewAction(preview, stand, action);
  }
  await previewTriggers(preview, first);
}

const limits = { timeout: 30_000, maxBytes: 1 };
const start = { number: 1, offset: 0, size: undefined };

type Names = Readonly<Record<string, unknown>>;

function call(preview: Recorder, stand: Stand, kind: RequestKind, name: string, request: Request, names: Names): Promise<void> {
  const { auth, opened } = stand;
  return preview.record(kind, name, stand, async (runtime) => {
    const rendered = await renderRequest(request, { ...namesOf(runtime, opened), ...names }, auth);
    return sendAuthorized(runtime, opened, rendered, limits, "engine");
  });
}

const nowOf = ({ given }: Stand) => (given.clock ?? Date.now)();

async function inputOf(stand: Stand, id: string, questions: Inputs): Promise<Record<string, unknown>> {
  const { given, named } = stand;
  const urls = Object.entries(questions).flatMap(([name, { type }]) => (type === "url" ? [name] : []));
  // What the whitelist covers for certain.
  const base = urls.length === 0 ? "" : await baseOf(stand);
  const below = Object.fromEntries(urls.map((name) => [name, joinUrl(base, `/${encodeURIComponent(`<input.${name}>`)}`)]));
  const values = { ...below, ...given.input?.[""], ...given.input?.[id] };
  const listed = Object.entries(questions).map(([name, question]) => ({ ...question, name }));
  return answers("input", listed, values, (name) => named.placeholder("input", name), nowOf(stand));
}

function baseOf({ auth, connector, platform, opened }: Stand): Promise<string> {
  const { environment } = opened.record;
  const env = { ...connector.environments[environment], name: environment };
  return renderUrl(auth.base_url, { ...opened.known, fields: opened.fields, env, platform });
}

async function previewOptions(preview: Recorder, stand: Stand): Promise<void> {
  const { connector, named, given } = stand;
  for (const [id, { request }] of Object.entries(connector.options)) {
    // What a drop-down is asked with are the inputs of whatever it belongs to.
    const placeholders = named.names("input").map((name) => [name, named.placeholder("input", name)] as const);
    const input = { ...Object.fromEntries(placeholders), ...given.input?.[""], ...given.input?.[id] };
    await call(preview, stand, "option", id, request, { input, page: start });
  }
}

async function previewAction(preview: Recorder, stand: Stand, action: Action): Promise<void> {
  const input = await inputOf(stand, action.id, action.input);
  const [request, names] = isPaginated(action)
    ? [pageRequest(action, true), { input, page: firstPage(action.paginate) }]
    : [action.request, { input }];
  await call(preview, stand, "action", action.id, request, names);
}

async function previewTriggers(preview: Recorder, stand: Stand): Promise<void> {
  for (const trigger of Object.values(stand.connector.triggers)) {
    const input = await inputOf(stand, trigger.id, trigger.input);
    const names = { input, page: start, ...inboundNames(stand) };
    const requests = trigger.type === "polling" ? [trigger.request] : [trigger.subscribe?.request, trigger.unsubscribe?.request];
    for (const request of requests) {
      if (request !== undefined) await call(preview, stand, "trigger", trigger.id, request, names);
    }
  }
}

/** What only a run of a trigger knows. */
function inboundNames(stand: Stand): Names {
  const { named } = stand;
  const time = new Date(nowOf(stand)).toISOString();
  const known: Names = { started_at: time, previous_started_at: time, interval_minutes: 15 };
  const roots = ["run", "hook", "subscription"] as const;
  const membersOf = (root: (typeof roots)[number]) =>
    named.names(root).map((name) => [name, (root === "run" ? known[name] : undefined) ?? named.placeholder(root, name)]);
  return Object.fromEntries(roots.map((root) => [root, Object.fromEntries(membersOf(root))]));
}
