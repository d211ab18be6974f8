/** Who asks. The host has authenticated them and checked that their role may use the route. */
export interface Actor {
  /** `key/<id>`: an API key, or the key behind a signed-in browser. */
  readonly id: string;
  readonly workspace: string;
  /** Whose connections are made. */
  readonly owner: string;
  /** Whether all connections of the workspace are within reach, or only the owner's. */
  readonly all: boolean;
  readonly via: "key" | "session";
  /** A signed-in browser's binding: a random text that only this browser knows. Present when `via` is `session`. */
  readonly browser?: string;
}

/** The engine itself, for what it does on its own. */
export const system = "system";
