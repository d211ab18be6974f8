import type { IncomingMessage, ServerResponse } from "node:http";
import type { Engine, Log, Upload } from "@jackfield/engine";
import type { Static, TSchema } from "typebox";
import type { Access } from "../access/access.ts";
import type { Principal } from "../access/authenticate.ts";
import type { Caller } from "../access/roles.ts";
import type { Catalog } from "../connectors.ts";
import type { Cookies } from "../http/cookies.ts";
import type { Streams } from "../http/streams.ts";
import type { Metrics } from "../telemetry/metrics.ts";

/*
 * One table of routes (routes.ts) is what express serves, what ajv checks and what /openapi.json says. A route is data and one
 * function. Its life: 1) who asks, 2) may that role, 3) parameters and query, 4) the body, 5) `handle`, 6) the answer or a problem.
 */

export const methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"] as const;
export type Method = (typeof methods)[number];

/** What handlers work with. */
export interface Services {
  readonly engine: Engine;
  readonly catalog: Catalog;
  readonly access: Access;
  readonly cookies: Cookies;
  readonly streams: Streams;
  readonly log: Log;
  readonly clock: () => number;
  readonly version: string;
  readonly platform: { readonly url: string; readonly sandbox_url?: string | undefined };
  /** Stores a manifest, and whatever else a new connector needs here. Throws `manifest_invalid`, `forbidden`. */
  readonly publish: (name: string, text: string, principal: Principal) => Promise<{ readonly created: boolean }>;
  /** Throws `stopping`. */
  readonly ready: () => Promise<Readiness>;
  readonly metrics: Pick<Metrics, "text" | "contentType"> & {
    /** Throws `unauthenticated` and `admin_required` where the caller may not read them. */
    readonly admit: (request: IncomingMessage, response: ServerResponse) => Promise<void>;
  };
}

/** Whether the process can do its work, and which of what it needs answers. */
export interface Readiness {
  readonly status: "ok" | "degraded" | "down";
  readonly checks: Readonly<Record<"store" | "queue", "ok" | "down">>;
}

/** One request, checked. */
export interface Call<P, Q, B> {
  readonly params: P;
  readonly query: Q;
  readonly body: B;
  /** Those that the route declares; names in lower case. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Ends when the client goes away. */
  readonly signal: AbortSignal;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

export interface Answer {
  readonly status: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

/** `answered`: the handler has written to the response itself. */
export type Result = Answer | "answered";

export type Body =
  | { readonly kind: "json"; readonly schema: TSchema; readonly limit?: number }
  | { readonly kind: "yaml"; readonly limit: number; readonly description: string }
  | { readonly kind: "raw"; readonly limit: number; readonly description: string }
  /** Read by the handler, while it arrives; of any size. */
  | { readonly kind: "stream"; readonly description: string };

/** What a status is answered with: a schema of JSON, or the media type and meaning of something else. */
export type AnswerSchema =
  | { readonly description: string; readonly schema?: TSchema; readonly also?: Readonly<Record<string, string>> }
  | { readonly description: string; readonly media: string };

interface Shape<P extends TSchema | undefined, Q extends TSchema | undefined, B extends Body | undefined> {
  /** operationId of the document. */
  readonly id: string;
  readonly method: Method | readonly Method[];
  /** With `{name}` for parameters. */
  readonly path: string;
  readonly summary: string;
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  /** Headers that mean something to this route, by their names in lower case. */
  readonly headers?: TSchema;
  readonly answers: Readonly<Record<number, AnswerSchema>>;
  /** A browser's cookie counts only for requests from our own pages, also where nothing is changed. */
  readonly sameOrigin?: boolean;
  /** The last parameter takes the rest of the path, as it was sent; nothing of it is logged. */
  readonly rest?: boolean;
  /** Takes every other method, too, for which a document has no word. */
  readonly anyMethod?: boolean;
}

type Of<S> = S extends TSchema ? Static<S> : Record<string, never>;
type OfBody<B> = B extends { readonly kind: "json"; readonly schema: infer S }
  ? Of<S>
  : B extends { readonly kind: "yaml" }
    ? string
    : B extends { readonly kind: "raw" }
      ? Buffer
      : B extends { readonly kind: "stream" }
        ? Upload | undefined
        : undefined;

/** A route with its types forgotten: what the router, the validators and the document read. */
export interface Route extends Shape<TSchema | undefined, TSchema | undefined, Body | undefined> {
  readonly roles: readonly Caller[] | "public";
  readonly handle: (
    services: Services,
    call: Call<unknown, unknown, unknown>,
    principal: Principal | undefined,
  ) => Promise<Result>;
}

/** A route for holders of a key or a session whose role is listed; somebody with a connect session is let in only where that is. */
export function route<
  P extends TSchema | undefined = undefined,
  Q extends TSchema | undefined = undefined,
  const B extends Body | undefined = undefined,
>(
  definition: Shape<P, Q, B> & {
    readonly roles: readonly Caller[];
    readonly handle: (services: Services, call: Call<Of<P>, Of<Q>, OfBody<B>>, principal: Principal) => Promise<Result>;
  },
): Route {
  return definition as unknown as Route;
}

/** A route that anybody may use. */
export function publicRoute<
  P extends TSchema | undefined = undefined,
  Q extends TSchema | undefined = undefined,
  const B extends Body | undefined = undefined,
>(
  definition: Shape<P, Q, B> & {
    readonly handle: (services: Services, call: Call<Of<P>, Of<Q>, OfBody<B>>) => Promise<Result>;
  },
): Route {
  return { ...definition, roles: "public" } as unknown as Route;
}

export const ok = (body: unknown): Answer => ({ status: 200, body });
export const noContent: Answer = { status: 204 };
