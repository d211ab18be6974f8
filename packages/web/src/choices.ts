import { call } from "./api.ts";

/*
 * What may be chosen, as the server's own description of its API tells it, so that these pages know every type that the server knows.
 */

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

interface Operation {
  readonly parameters?: readonly { readonly name: string; readonly schema: { readonly enum?: readonly string[] } }[];
  readonly requestBody?: {
    readonly content: Readonly<
      Record<
        string,
        {
          readonly schema: {
            readonly properties?: Readonly<Record<string, { readonly items?: { readonly enum?: readonly string[] } }>>;
          };
        }
      >
    >;
  };
}

const operation = async (path: string, method: string): Promise<Operation | undefined> =>
  (await call<Document>("GET", "/openapi.json")).paths[path]?.[method];

/** The types of events that can be looked for. */
export async function eventTypes(): Promise<readonly string[]> {
  const parameters = (await operation("/v1/events", "get"))?.parameters ?? [];
  return parameters.find(({ name }) => name === "type")?.schema.enum ?? [];
}

/** The types of messages that an event endpoint can ask for. */
export async function messageTypes(): Promise<readonly string[]> {
  const body = (await operation("/v1/event_endpoints", "post"))?.requestBody?.content["application/json"];
  return body?.schema.properties?.types?.items?.enum ?? [];
}
