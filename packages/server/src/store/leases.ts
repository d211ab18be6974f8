import type { Store } from "@jackfield/engine";

/** Leases among the parts of one process, which has the store for itself: so they are in its memory, and end with it. */
export interface OwnLeases {
  readonly leases: Store["leases"];
  clear(): void;
}

export function createOwnLeases(): OwnLeases {
  const held = new Map<string, { readonly owner: string; readonly until: number }>();
  return {
    leases: {
      async acquire(key, owner, now, until) {
        const other = held.get(key);
        if (other !== undefined && other.owner !== owner && other.until > now) return false;
        held.set(key, { owner, until });
        return true;
      },
      async renew(key, owner, until) {
        if (held.get(key)?.owner !== owner) return false;
        held.set(key, { owner, until });
        return true;
      },
      async release(key, owner) {
        if (held.get(key)?.owner === owner) held.delete(key);
      },
    },
    clear: () => held.clear(),
  };
}
