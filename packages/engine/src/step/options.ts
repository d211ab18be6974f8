// The choices of a drop-down that the provider knows.

import { asList, type Options } from "@jackfield/manifest";
import type { Actor } from "../connection/actor.ts";
import { callApi } from "../connection/api-call.ts";
import { reach } from "../connection/connections.ts";
import { classOf } from "../connection/failure-class.ts";
import { connectorOf, namesOf, type OpenConnection } from "../connection/open.ts";
import { reason } from "../connection/reason.ts";
import type { Refresher } from "../connection/upkeep/refresh.ts";
import { redactDeep } from "../egress/redact.ts";
import { JackfieldError } from "../errors.ts";
import { evaluate } from "../request/hole.ts";
import { renderRequest } from "../request/render.ts";
import type { Runtime } from "../runtime.ts";
import { failureCodes } from "./answer.ts";
import { renewRefused } from "./attempts.ts";
import { refuseUnready } from "./step.ts";

export interface OptionsRequest {
  /** What was given to the action's other inputs so far. */
  readonly input?: Readonly<Record<string, unknown>> | undefined;
  /** `next` of the page before. */
  readonly cursor?: string | undefined;
}

export interface OptionsPage {
  readonly options: readonly { readonly label: string; readonly value: string | number | boolean }[];
  readonly next: string | null;
}

const limits = { timeout: 15_000, maxBytes: 4 << 20 };

/** Asks the provider for the choices. See `Engine.steps.options` for what it throws. */
export async function listOptions(
  runtime: Runtime,
  refresher: Refresher,
  actor: Actor,
  id: string,
  name: string,
  request: OptionsRequest,
): Promise<OptionsPage> {
  const record = await reach(runtime, actor, id);
  refuseUnready(runtime, record);
  const connector = connectorOf(runtime, record.connector);
  const options = Object.hasOwn(connector.options, name) ? connector.options[name] : undefined;
  if (options === undefined) {
    throw new JackfieldError("options_unknown", { detail: `${connector.title} has no choices called "${name}".` });
  }
  const opened = await refresher.fresh(record);
  const first = await ask(runtime, opened, options, request);
  if (first.status !== 401) return first.page();
  const renewed = await renewRefused(runtime, refresher, opened, actor.id);
  return renewed === undefined ? first.page() : (await ask(runtime, renewed, options, request)).page();
}

async function ask(runtime: Runtime, opened: OpenConnection, options: Options, { input = {}, cursor }: OptionsRequest) {
  const page = { ...(cursor === undefined ? {} : { cursor }), number: 1, offset: 0, size: undefined };
  const names = { ...namesOf(runtime, opened), input, page };
  const rendered = await renderRequest(options.request, names, opened.auth);
  const answer = await runtime.traffic.through(
    opened,
    () => limits.timeout,
    () => callApi(runtime, opened, rendered, limits),
  );
  const { redact } = answer;
  return {
    status: answer.status,
    async page(): Promise<OptionsPage> {
      if (answer.status < 200 || answer.status > 299) {
        const said = redact(reason(answer)).slice(0, 2000);
        throw new JackfieldError(failureCodes[classOf(answer.status)], {
          detail: said,
          provider: { status: answer.status, error: said },
        });
      }
      const root = {
        ...names,
        body: answer.body,
        response: { status: answer.status, headers: answer.headers, body: answer.body },
      };
      const items = redactDeep(redact, asList(await evaluate(options.items, root))) as unknown[];
      const next = options.next === undefined ? undefined : await evaluate(options.next, root);
      return {
        options: items.filter(isChoice),
        next: typeof next === "string" || typeof next === "number" ? redact(String(next)) : null,
      };
    },
  };
}

function isChoice(item: unknown): item is OptionsPage["options"][number] {
  if (typeof item !== "object" || item === null || !("label" in item) || !("value" in item)) return false;
  return typeof item.label === "string" && ["string", "number", "boolean"].includes(typeof item.value);
}
