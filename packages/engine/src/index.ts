export type * from "./connection/record.ts";
export { statuses } from "./connection/record.ts";
export { createSealer, type KeyRing, type Place, type Sealer } from "./connection/seal.ts";
export type * from "./connection/store.ts";
export { IdentityTaken } from "./connection/store.ts";
export type * from "./engine.ts";
export { type Audience, type ErrorCode, errorTable, JackfieldError, type ProviderWords } from "./errors.ts";
export type * from "./queue.ts";
