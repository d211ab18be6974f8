import { type AnswerOf, type Api, type OperationId, type RequestOf, targetOf } from "./api.ts";
import { Listing } from "./pages.ts";
import type { CallOptions } from "./transport.ts";
import type {
  ApiKey,
  App,
  ConnectionEvent,
  ConnectorDetail,
  ConnectorItem,
  ConnectSession,
  Delivery,
  EventEndpoint,
  Operations,
  OptionsPage,
  File as StoredFile,
} from "./wire.ts";

/*
 * The API beside connections and steps: each method is an operation with its parameters as arguments.
 */

type Query<Id extends OperationId> = Omit<Exclude<Operations[Id]["query"], undefined>, "cursor">;
type Body<Id extends OperationId> = Exclude<RequestOf<Id>["body"], undefined>;

export type Choice = OptionsPage["options"][number];

/** An app is known by its connector, auth and environment. */
export interface AppName {
  /** The connector's name. */
  readonly connector: string;
  readonly auth: string;
  readonly environment: string;
}

const appParams = ({ connector, auth, environment }: AppName) => ({ name: connector, auth, environment });

export const connectors = (api: Api) => ({
  /** The catalogue, by name. */
  list: (query: Query<"listConnectors"> = {}, options?: CallOptions): Listing<ConnectorItem> =>
    api.list("listConnectors", { query }, options),
  /** A connector's forms, set-up and actions. */
  get: (name: string, options?: CallOptions): Promise<ConnectorDetail> => api.call("getConnector", { params: { name } }, options),
  /** Publishes a manifest, which is YAML. */
  publish: (name: string, manifest: string, options?: CallOptions): Promise<ConnectorDetail> =>
    api.call("publishConnector", { params: { name }, body: manifest }, options),
  /** Checks a manifest and stores nothing. */
  validate: (manifest: string, options?: CallOptions): Promise<AnswerOf<"validateManifest">> =>
    api.call("validateManifest", { body: manifest }, { ...options, harmless: true }),
});

export const apps = (api: Api) => ({
  get: (app: AppName, options?: CallOptions): Promise<App> => api.call("getApp", { params: appParams(app) }, options),
  /** Saves client ID and secret; without `client_secret` the stored one stays. */
  save: (app: AppName, body: Body<"putApp">, options?: CallOptions): Promise<App> =>
    api.call("putApp", { params: appParams(app), body }, options),
  delete: (app: AppName, query: Query<"deleteApp"> = {}, options?: CallOptions): Promise<undefined> =>
    api.call("deleteApp", { params: appParams(app), query }, options),
  /** What happened to it, the newest first. */
  events: (app: AppName, query: Query<"listAppEvents"> = {}, options?: CallOptions): Listing<ConnectionEvent> =>
    api.list("listAppEvents", { params: appParams(app), query }, options),
});

export const connectSessions = (api: Api) => ({
  /** Makes a link with which a person without a key connects for one owner. Its `url` is in this answer only. */
  create: (body: Body<"createConnectSession">, options?: CallOptions): Promise<ConnectSession & { url: string }> =>
    api.call("createConnectSession", { body }, options),
  /** How it stands, and what was connected with it. */
  get: (id: string, options?: CallOptions): Promise<ConnectSession> => api.call("getConnectSession", { params: { id } }, options),
  /** Ends it; what was connected with it stays. */
  end: (id: string, options?: CallOptions): Promise<undefined> => api.call("endConnectSession", { params: { id } }, options),
});

export const events = (api: Api) => ({
  /** The workspace's log, the newest first. */
  list: (query: Query<"listEvents"> = {}, options?: CallOptions): Listing<ConnectionEvent> =>
    api.list("listEvents", { query }, options),
});

/** What a file is made of. */
export type FileContent = string | Blob | ArrayBuffer | Uint8Array<ArrayBuffer>;

export const files = (api: Api) => ({
  /** Keeps a file of up to 25 MiB for a day: an input of type `file` takes `{ file: id }`. Its type is the blob's, where it is one. */
  upload: async (
    content: FileContent,
    { name, type }: { readonly name?: string; readonly type?: string } = {},
    options?: CallOptions,
  ): Promise<StoredFile> => {
    const media = type || (content instanceof Blob && content.type) || "application/octet-stream";
    const target = targetOf("/v1/files", {}, { name });
    const sent = { method: "POST", target, headers: { "content-type": media }, body: content, repeat: "undone" } as const;
    return (await api.transport.json(sent, options)) as StoredFile;
  },
  /** An answer whose body is the file's content. */
  download: (id: string, options?: Omit<CallOptions, "retries">): Promise<Response> =>
    api.transport.open({ method: "GET", target: targetOf("/v1/files/{id}", { id }), headers: { accept: "*/*" } }, options),
  /** Deletes it before its day is over. */
  delete: (id: string, options?: CallOptions): Promise<undefined> => api.call("deleteFile", { params: { id } }, options),
});

export const eventEndpoints = (api: Api) => ({
  list: (options?: CallOptions): Listing<EventEndpoint> => api.list("listEventEndpoints", {}, options),
  get: (id: string, options?: CallOptions): Promise<EventEndpoint> => api.call("getEventEndpoint", { params: { id } }, options),
  /** Has events sent to a URL. The `secret` that signs them is in this answer only. */
  create: (body: Body<"createEventEndpoint">, options?: CallOptions): Promise<EventEndpoint & { secret: string }> =>
    api.call("createEventEndpoint", { body }, options),
  update: (id: string, body: Body<"updateEventEndpoint">, options?: CallOptions): Promise<EventEndpoint> =>
    api.call("updateEventEndpoint", { params: { id }, body }, { ...options, harmless: true }),
  delete: (id: string, options?: CallOptions): Promise<undefined> => api.call("deleteEventEndpoint", { params: { id } }, options),
  /** Makes a new secret; for 24 hours messages are signed with the old one too. */
  rotate: (id: string, options?: CallOptions): Promise<EventEndpoint & { secret: string }> =>
    api.call("rotateEventEndpoint", { params: { id } }, options),
  /** Sends a message of type `ping`, once. */
  test: (id: string, options?: CallOptions): Promise<Delivery> => api.call("testEventEndpoint", { params: { id } }, options),
  deliveries: (id: string, query: Query<"listDeliveries"> = {}, options?: CallOptions): Listing<Delivery> =>
    api.list("listDeliveries", { params: { id }, query }, options),
});

export const apiKeys = (api: Api) => ({
  list: (options?: CallOptions): Listing<ApiKey> => api.list("listApiKeys", {}, options),
  /** Makes a key. Its `key` is in this answer only. */
  create: (body: Body<"createApiKey">, options?: CallOptions): Promise<ApiKey & { key: string }> =>
    api.call("createApiKey", { body }, options),
  revoke: (id: string, options?: CallOptions): Promise<undefined> => api.call("revokeApiKey", { params: { id } }, options),
});

/** A drop-down's choices, as the provider has them; `input` is what the form holds already. */
export function choices(
  api: Api,
  connection: string,
  name: string,
  input: Readonly<Record<string, unknown>> = {},
  options?: CallOptions,
): Listing<Choice> {
  return new Listing(async (cursor) => {
    const request = { params: { id: connection, name }, body: { input, cursor } };
    const page = await api.call("listOptions", request, { ...options, harmless: true });
    return { items: page.options, next: page.next };
  });
}
