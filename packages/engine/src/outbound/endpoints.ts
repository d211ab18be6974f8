import type { Actor } from "../connection/actor.ts";
import { pingType } from "../connection/outgoing.ts";
import type { DeliveryRecord, EndpointRecord, EndpointSecrets } from "../connection/record.ts";
import type { EndpointPatch, Listed, Page } from "../connection/store.ts";
import { parseUrl } from "../egress/whitelist.ts";
import { JackfieldError } from "../errors.ts";
import type { Runtime } from "../runtime.ts";
import type { Deliverer } from "./deliver.ts";
import { newSecret } from "./signature.ts";

/** An event endpoint as admins see it. */
export interface EventEndpoint extends Omit<EndpointRecord, "workspace" | "sealed_secrets" | "disabled"> {
  readonly disabled: boolean;
  /** `admin`: somebody did it; `gone`: it answered 410; `failing`: it took nothing for days. */
  readonly disabled_reason: NonNullable<EndpointRecord["disabled"]>["reason"] | null;
}

export type Delivery = Omit<DeliveryRecord, "endpoint" | "body">;

export interface EndpointValues {
  readonly url?: string | undefined;
  readonly description?: string | null | undefined;
  /** Default: all. */
  readonly types?: readonly string[] | undefined;
  readonly disabled?: boolean | undefined;
}

/** A secret is given when it is made, and never again. */
type WithSecret = EventEndpoint & { readonly secret: string };

/** The event endpoints of a workspace. Each method that takes an id throws `endpoint_unknown`. */
export interface EventEndpoints {
  /** Throws `url_invalid`. */
  create(actor: Actor, values: EndpointValues & { readonly url: string }): Promise<WithSecret>;
  list(actor: Actor): Promise<readonly EventEndpoint[]>;
  get(actor: Actor, id: string): Promise<EventEndpoint>;
  /** Throws `url_invalid`. */
  update(actor: Actor, id: string, values: EndpointValues): Promise<EventEndpoint>;
  delete(actor: Actor, id: string): Promise<void>;
  /** A new secret; the one before it goes on signing beside it for a day. */
  rotate(actor: Actor, id: string): Promise<WithSecret>;
  /** Sends a message of type `ping`, once, and gives what came of it. */
  ping(actor: Actor, id: string): Promise<Delivery>;
  deliveries(actor: Actor, id: string, page: Page): Promise<Listed<Delivery>>;
}

const overlapMs = 24 * 3_600_000;

export function createEndpoints(runtime: Runtime, deliverer: Deliverer): EventEndpoints {
  const { store, plainHttp } = runtime;
  const now = () => new Date(runtime.clock()).toISOString();
  const record = async ({ workspace }: Actor, id: string): Promise<EndpointRecord> => {
    const found = await store.endpoints.get(id);
    if (found?.workspace !== workspace) throw new JackfieldError("endpoint_unknown");
    return found;
  };
  const change = async (id: string, patch: EndpointPatch): Promise<EndpointRecord> => {
    const written = await store.endpoints.update(id, { ...patch, updated_at: now() });
    if (written === undefined) throw new JackfieldError("endpoint_unknown");
    return written;
  };

  return {
    create: async (actor, values) => create(runtime, actor, { ...values, url: acceptable(values.url, plainHttp) }),
    list: async ({ workspace }) => (await store.endpoints.list(workspace)).map(view),
    get: async (actor, id) => view(await record(actor, id)),
    async update(actor, id, { url, description, types, disabled }) {
      const before = await record(actor, id);
      const written = await change(id, {
        ...(url === undefined ? {} : { url: acceptable(url, plainHttp) }),
        ...(description === undefined ? {} : { description }),
        ...(types === undefined ? {} : { types }),
        ...disabling(disabled, before.disabled, now()),
      });
      return view(written);
    },
    async delete(actor, id) {
      await record(actor, id);
      await store.endpoints.delete(id);
    },
    async rotate(actor, id) {
      const before = await record(actor, id);
      const { current } = secretsOf(runtime, before);
      const secret = newSecret(runtime.random);
      const until = new Date(runtime.clock() + overlapMs).toISOString();
      const secrets: EndpointSecrets = { current: secret, previous: { secret: current, until } };
      return { ...view(await change(id, { sealed_secrets: runtime.sealer.seal(placeOf(before), secrets) })), secret };
    },
    async ping(actor, id) {
      const { id: endpoint } = await record(actor, id);
      const event = `evt_${runtime.random(12).toString("base64url")}`;
      const body = JSON.stringify({ type: pingType, timestamp: now(), data: {} });
      return shown(await deliverer.once({ endpoint, event, type: pingType, body }));
    },
    async deliveries(actor, id, page) {
      await record(actor, id);
      const { items, next } = await store.deliveries.list(id, page);
      return { items: items.map(shown), next };
    },
  };
}

async function create(
  runtime: Runtime,
  { workspace }: Actor,
  { url, description = null, types = [], disabled }: EndpointValues & { readonly url: string },
): Promise<WithSecret> {
  const id = `ep_${runtime.random(12).toString("base64url")}`;
  const secret = newSecret(runtime.random);
  const secrets: EndpointSecrets = { current: secret, previous: null };
  const now = new Date(runtime.clock()).toISOString();
  const made: EndpointRecord = {
    id,
    workspace,
    url,
    description,
    types,
    sealed_secrets: runtime.sealer.seal(placeOf({ workspace, id }), secrets),
    disabled: null,
    last_success_at: null,
    created_at: now,
    updated_at: now,
    ...disabling(disabled, null, now),
  };
  await runtime.store.endpoints.insert(made);
  return { ...view(made), secret };
}

/** What a wish changes, if it is one for a change: an endpoint that is disabled already keeps its reason. */
function disabling(
  disabled: boolean | undefined,
  before: EndpointRecord["disabled"],
  at: string,
): Pick<EndpointRecord, "disabled"> | undefined {
  if (disabled === undefined || disabled === (before !== null)) return undefined;
  return { disabled: disabled ? { at, reason: "admin" } : null };
}

/** Where the secrets of an endpoint belong. */
export const placeOf = ({ workspace, id }: Pick<EndpointRecord, "workspace" | "id">) =>
  ({ workspace, connector: "", id, field: "endpoint" }) as const;

/** Throws `seal_broken`. */
export function secretsOf(runtime: Pick<Runtime, "sealer">, endpoint: EndpointRecord): EndpointSecrets {
  return runtime.sealer.open(placeOf(endpoint), endpoint.sealed_secrets) as EndpointSecrets;
}

/** Whether an endpoint is told of messages of this type. */
export function wants({ types, disabled }: EndpointRecord, type: string): boolean {
  return disabled === null && (types.length === 0 || types.includes(type));
}

/** What can be said of a URL without the DNS; where it leads is judged with each delivery. */
function acceptable(text: string, plainHttp: (host: string) => boolean): string {
  const url = parseUrl(text);
  if (url.protocol !== "https:" && !plainHttp(url.hostname))
    throw new JackfieldError("url_invalid", {
      detail: "An event endpoint's URL must begin with https://.",
      members: { field: "url" },
    });
  return url.href;
}

function view({ workspace: _, sealed_secrets: __, disabled, ...rest }: EndpointRecord): EventEndpoint {
  return { ...rest, disabled: disabled !== null, disabled_reason: disabled?.reason ?? null };
}

function shown({ endpoint: _, body: __, ...rest }: DeliveryRecord): Delivery {
  return rest;
}
