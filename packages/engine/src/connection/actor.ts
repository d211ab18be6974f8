/** Who asks. The host has authenticated them and checked that they may use the route. */
export interface Actor {
  /** `key/<id>`: an API key, or the key behind a signed-in browser; `connect/<id>`: a connect session. */
  readonly id: string;
  readonly workspace: string;
  /** Whose connections are made. */
  readonly owner: string;
  /** Whether all connections of the workspace are within reach, or only the owner's. */
  readonly all: boolean;
  readonly via: "key" | "session" | "connect";
  /** A browser's binding: a random text that only this browser knows. Absent when `via` is `key`. */
  readonly browser?: string;
  /** Present when `via` is `connect`: the actor may connect, within these limits, and nothing else (`limits.ts`). */
  readonly limits?: Limits;
}

/** What a connect session may be used for. */
export interface Limits {
  /** The session's id. */
  readonly session: string;
  /** Names of the connectors that may be connected; null: all. */
  readonly connectors: readonly string[] | null;
  /** The only way to connect, and the only environment; null: any. */
  readonly auth: string | null;
  readonly environment: string | null;
  /** The connection that may be reconnected; then no other may be made. */
  readonly connection: string | null;
}

/** The engine itself, for what it does on its own. */
export const system = "system";
