// What is looked up between the token and the test: tenants, sites, data centres.

import type { AfterConnect } from "@jackfield/manifest";
import { asList } from "@jackfield/manifest";
import { redactDeep } from "../../egress/redact.ts";
import { JackfieldError } from "../../errors.ts";
import { bounded, capture } from "../../grant/capture.ts";
import { tokenSecrets } from "../../grant/secrets.ts";
import { evaluate, text } from "../../request/hole.ts";
import { renderRequest } from "../../request/render.ts";
import type { Runtime } from "../../runtime.ts";
import { callApi } from "../api-call.ts";
import { namesOf, type OpenConnection } from "../open.ts";
import { reason } from "../reason.ts";

const limits = { timeout: 10_000, maxBytes: 1 << 20 };
const mostChoices = 200;

/** One of several that only the user can choose. */
export interface Choice {
  readonly label: string;
  readonly value: string;
}

/**
 * Makes the manifest's requests with the fresh credential, each seeing what those before it found. Throws `credentials_invalid`,
 * `capture_missing`, `capture_refused`, `choice_needed` (with the members `field` and `choices`), and as `callApi`.
 */
export async function afterConnect(runtime: Runtime, opened: OpenConnection): Promise<OpenConnection> {
  let current = opened;
  for (const step of opened.auth.after_connect) {
    const found = await lookUp(runtime, current, step);
    current = { ...current, known: { ...current.known, connection: { ...current.known.connection, ...found } } };
  }
  return current;
}

async function lookUp(runtime: Runtime, opened: OpenConnection, step: AfterConnect): Promise<Readonly<Record<string, string>>> {
  const names = namesOf(runtime, opened);
  const rendered = await renderRequest(step.request, names, opened.auth);
  const answer = await callApi(runtime, opened, rendered, limits);
  if (answer.status < 200 || answer.status > 299) {
    const said = answer.redact(reason(answer)).slice(0, 2000);
    throw new JackfieldError("credentials_invalid", {
      detail: `The provider refused what follows the sign-in: ${said}`,
      provider: { status: answer.status, error: said },
    });
  }
  // Labels are not sealed and choices are shown, so what an API echoes of the credential must not get into them.
  const body = redactDeep(answer.redact, answer.body);
  const root = { ...names, body, response: { status: answer.status, headers: redactDeep(answer.redact, answer.headers), body } };
  const kept = await capture(step.capture, root, true, tokenSecrets(opened.credential ?? {}));
  return step.choose === undefined ? kept : { ...kept, [step.choose.name]: await choose(opened, step.choose, root) };
}

async function choose(opened: OpenConnection, declared: NonNullable<AfterConnect["choose"]>, root: unknown): Promise<string> {
  const choices: Choice[] = [];
  for (const item of asList(await evaluate(declared.items, root)).slice(0, mostChoices)) {
    const value = bounded(declared.name, await evaluate(declared.value, item), { ...bounds, pattern: declared.pattern });
    const label = await text(declared.label, item as Readonly<Record<string, unknown>>);
    if (value !== undefined) choices.push({ label: label ?? value, value });
  }
  const wanted = opened.fields[declared.name] ?? opened.known.connection[declared.name];
  const chosen = choices.find(({ value }) => value === wanted) ?? (choices.length === 1 && !wanted ? choices[0] : undefined);
  if (chosen !== undefined) return chosen.value;
  if (choices.length === 0)
    throw new JackfieldError("capture_missing", { detail: `The account has nothing to choose from: ${declared.title}` });
  const listed = choices.slice(0, 10).map(({ label, value }) => `${label} (${value})`);
  throw new JackfieldError("choice_needed", {
    detail: `${declared.title} ${listed.join(", ")}${choices.length > listed.length ? ", …" : ""}`,
    members: { field: declared.name, choices },
  });
}

const bounds = { options: undefined, required: true } as const;
