export type * from "./connector.ts";
export type { Expression, Template } from "./expression.ts";
export type { Manifest } from "./schema/manifest.ts";
