import { placeOfApp } from "./connection/app/record.ts";
import { place } from "./connection/open.ts";
import type { AppRecord, ConnectionRecord, EndpointRecord, FlowRecord, StoredClient } from "./connection/record.ts";
import type { Place } from "./connection/seal.ts";
import { placeOfFlow } from "./connection/sign-in/flow.ts";
import type { FileChunk, KeptStep } from "./connection/store.ts";
import { placeOf as placeOfEndpoint } from "./outbound/endpoints.ts";
import { placeOfChunk } from "./step/files.ts";
import { placeOfStep } from "./step/once.ts";

/*
 * Every sealed text of every record, and where it belongs: for whoever opens and seals them all, as when the master key is replaced. The
 * tables are made of the records' own keys, so that a new one which is forgotten here does not compile.
 */

/** The tables whose records hold sealed texts. */
export interface SealedRecords {
  readonly connections: ConnectionRecord;
  readonly apps: AppRecord;
  readonly flows: FlowRecord;
  readonly endpoints: EndpointRecord;
  readonly kept_steps: KeptStep;
  readonly file_chunks: FileChunk;
}

export interface SealedText {
  readonly place: Place;
  readonly text: string;
}

type Sealed<T> = Extract<keyof T, `sealed${string}`>;

const connectionTexts: { readonly [Key in Sealed<ConnectionRecord>]: Place["field"] } = {
  sealed_fields: "fields",
  sealed_credential: "credential",
  sealed_tombstone: "tombstone",
};

const clientTexts: { readonly [Key in Sealed<StoredClient>]: Place["field"] } = { sealed_secret: "app", sealed_previous: "app" };

/** What is sealed in a record, by its table. */
export const sealedIn: { readonly [Name in keyof SealedRecords]: (record: SealedRecords[Name]) => readonly SealedText[] } = {
  connections: (record) => keysOf(connectionTexts).flatMap((key) => textAt(place(record, connectionTexts[key]), record[key])),
  apps: (app) =>
    [app, ...app.former].flatMap((client) => keysOf(clientTexts).flatMap((key) => textAt(placeOfApp(app), client[key]))),
  flows: (flow) => textAt(placeOfFlow(flow), flow.sealed),
  endpoints: (endpoint) => textAt(placeOfEndpoint(endpoint), endpoint.sealed_secrets),
  kept_steps: (step) => textAt(placeOfStep(step), step.sealed),
  file_chunks: (chunk) => textAt(placeOfChunk(chunk), chunk.sealed),
};

const keysOf = <Key extends string>(table: { readonly [K in Key]: unknown }) => Object.keys(table) as Key[];

const textAt = (where: Place, text: string | null): SealedText[] => (text === null ? [] : [{ place: where, text }]);
