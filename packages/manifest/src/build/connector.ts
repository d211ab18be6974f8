// A manifest without errors to a connector: defaults filled in, short forms unfolded, texts compiled.

import { createHash } from "node:crypto";
import type { Action, Compiled, Connector, Input, Inputs, Options, Paginate, RateLimit, Retry, Trigger } from "../connector.ts";
import { environmentsOf, labelOf, milliseconds } from "../defaults.ts";
import { record } from "../record.ts";
import type { Manifest } from "../schema/manifest.ts";
import { mapTexts, type Texts } from "../text.ts";
import { buildAuth } from "./auth.ts";
import { buildRequest, buildTreeMap } from "./request.ts";

type CompiledManifest = Compiled<Manifest>;
type CompiledAction = NonNullable<CompiledManifest["actions"]>[string];
type CompiledTrigger = NonNullable<CompiledManifest["triggers"]>[string];
type CompiledInput = NonNullable<CompiledAction["input"]>[string];

/** Builds the connector, deeply frozen. The manifest must be free of errors. `source` is all text that it is made from. */
export function buildConnector(manifest: Manifest, texts: Texts, source: string): Connector {
  const compiled = mapTexts(manifest, (_place, kind, text) => texts[kind](text)) as CompiledManifest;
  return deepFreeze({
    name: compiled.name,
    title: compiled.title,
    extends: manifest.extends,
    version: compiled.version ?? "1.0.0",
    description: compiled.description ?? "",
    categories: compiled.categories ?? [],
    icon: compiled.icon ?? "icon.svg",
    docs_url: compiled.docs_url,
    base_url: compiled.base_url,
    environments: record(Object.entries(environmentsOf(manifest))),
    auth: mapped(compiled.auth, (id, auth) =>
      buildAuth({
        id,
        auth,
        manifest: manifest.auth[id] as Manifest["auth"][string],
        whole: manifest,
        texts,
        baseUrl: compiled.base_url,
      }),
    ),
    errors: compiled.errors ?? [],
    rate_limit: compiled.rate_limit && rateLimit(compiled.rate_limit),
    options: mapped(
      compiled.options,
      (_id, options): Options => ({ request: buildRequest(options.request), items: options.items, next: options.next }),
    ),
    actions: mapped(compiled.actions, (id, declared) => action(id, declared)),
    triggers: mapped(compiled.triggers, (id, declared) => trigger(id, declared, texts)),
    services: compiled.services ?? {},
    hash: createHash("sha256").update(source, "utf8").digest("hex"),
  });
}

function mapped<In, Out>(
  map: Readonly<Record<string, In>> | undefined,
  build: (id: string, value: In) => Out,
): Readonly<Record<string, Out>> {
  return record(Object.entries(map ?? {}).map(([id, value]) => [id, build(id, value)]));
}

function action(id: string, declared: CompiledAction): Action {
  return {
    ...declared,
    id,
    input: inputs(declared.input),
    scopes: declared.scopes ?? [],
    request: buildRequest(declared.request),
    timeout: declared.timeout === undefined ? undefined : milliseconds(declared.timeout),
    paginate: declared.paginate && paginate(declared.paginate),
    retry: declared.retry && retry(declared.retry),
    output: declared.output,
  };
}

const firstPage: Readonly<Partial<Record<Paginate["type"], number>>> = { page: 1 };

function paginate(declared: NonNullable<CompiledAction["paginate"]>): Paginate {
  const { type = "cursor", items, next, size, start, send, request, limit, max_pages } = declared;
  return {
    type,
    items,
    next,
    size,
    start: start ?? firstPage[type] ?? 0,
    send: {
      query: send?.query ?? record([]),
      headers: send?.headers ?? record([]),
      body: buildTreeMap(send?.body),
    },
    request: request && buildRequest(request),
    limit,
    max_pages,
  };
}

function retry(declared: NonNullable<CompiledAction["retry"]>): Retry {
  return {
    attempts: declared.attempts ?? 3,
    statuses: declared.statuses ?? [429, 502, 503, 504],
    unsafe: declared.unsafe ?? false,
    idempotency_header: declared.idempotency_header,
  };
}

function rateLimit(declared: NonNullable<CompiledManifest["rate_limit"]>): RateLimit {
  return { ...declared, per: declared.per === undefined ? undefined : milliseconds(declared.per) };
}

const pollingInterval = "15m";

function trigger(id: string, declared: CompiledTrigger, texts: Texts): Trigger {
  const common = { id, input: inputs(declared.input), scopes: declared.scopes ?? [] };
  if (declared.type === "polling") {
    return { ...declared, ...common, request: buildRequest(declared.request), every: intervals(declared.every) };
  }
  const { subscribe, unsubscribe } = declared;
  return {
    ...declared,
    ...common,
    subscribe: subscribe && {
      request: buildRequest(subscribe.request),
      subscription: subscribe.subscription ?? texts.expression("body"),
      renew_before: subscribe.renew_before === undefined ? undefined : milliseconds(subscribe.renew_before),
    },
    unsubscribe: unsubscribe && { request: buildRequest(unsubscribe.request) },
  };
}

function intervals(every: Extract<CompiledTrigger, { type: "polling" }>["every"]): readonly number[] {
  if (every === undefined || typeof every === "string") return [milliseconds(every ?? pollingInterval)];
  return [...new Set([every.default, ...every.options].map(milliseconds))];
}

function inputs(declared: Readonly<Record<string, CompiledInput>> | undefined): Inputs {
  return mapped(declared, (name, { fields, ...input }): Input => {
    const filled: Input = { ...input, ...unasked(name, input) };
    return fields === undefined
      ? filled
      : { ...filled, fields: mapped(fields, (part, member) => ({ ...member, ...unasked(part, member) })) };
  });
}

/** What an input has that does not say it. */
function unasked<T extends Input["type"]>(
  name: string,
  { label, type, required, list }: { label?: string; type?: T; required?: boolean; list?: boolean },
): { label: string; type: T | "string"; required: boolean; list: boolean } {
  return { label: label ?? labelOf(name), type: type ?? "string", required: required ?? false, list: list ?? false };
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const inner of Object.values(value)) deepFreeze(inner);
  return value;
}
