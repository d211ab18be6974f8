import { JackfieldError, type Store } from "@jackfield/engine";
import type { Connector } from "@jackfield/manifest";
import { listedProblem } from "@jackfield/manifest";
import type { Principal } from "./access/authenticate.ts";
import type { Catalog } from "./connectors.ts";

export interface PublishOptions {
  readonly catalog: Catalog;
  readonly store: Pick<Store, "manifests" | "connections" | "apps">;
  readonly usable: (connector: Connector) => boolean;
  readonly clock: () => number;
  /** What a new connector needs here beside being known. */
  readonly prepare: (connector: Connector) => Promise<void>;
}

export type Publish = (name: string, text: string, principal: Principal) => Promise<{ readonly created: boolean }>;

/**
 * Publishes manifests at run time. Whoever writes a manifest decides where an app's secret and people's tokens are sent, also those of
 * the connectors that extend it: so one that holds any, or that came with the deployment, is replaced by admins only, and so is its base.
 */
export function createPublish({ catalog, store, usable, clock, prepare }: PublishOptions): Publish {
  return async (name, text, { actor, key }) => {
    const { connector, problems } = catalog.compile(text, { file: "connector.yaml", folder: name });
    if (connector === undefined) {
      const [first] = problems;
      throw new JackfieldError("manifest_invalid", {
        detail: `The manifest has problems. The first, in line ${first?.line ?? 1}: ${first?.message ?? "it cannot be read."}`,
        members: { problems: problems.map(listedProblem) },
      });
    }
    if (!usable(connector))
      throw new JackfieldError("manifest_invalid", { detail: "The connector needs the sandbox, which is off here." });
    // Whether it is trusted must not depend on which process published it.
    await catalog.look();
    const source = catalog.source(name);
    if (source !== undefined && key.role !== "admin") await refuseTrusted({ catalog, store }, actor.workspace, name);
    await store.manifests.put(name, text, new Date(clock()).toISOString());
    await catalog.put(connector, text);
    await prepare(connector);
    return { created: source === undefined };
  };
}

/** Throws `admin_required` where the connector, or one that extends it, is trusted. */
async function refuseTrusted({ catalog, store }: Pick<PublishOptions, "catalog" | "store">, workspace: string, name: string) {
  const heirs = catalog.list().filter((each) => each.extends === name);
  for (const each of [name, ...heirs.map((heir) => heir.name)]) {
    if (catalog.source(each) === "published" && !(await isInUse(store, workspace, each))) continue;
    const whose = each === name ? "it" : `"${each}" extends it, which`;
    throw new JackfieldError("admin_required", {
      detail: `Only an admin may replace "${name}": ${whose} came with this deployment, or an app or a connection trusts it.`,
    });
  }
}

async function isInUse(store: PublishOptions["store"], workspace: string, connector: string): Promise<boolean> {
  if (await store.connections.uses(workspace, connector)) return true;
  return (await store.apps.list(workspace, connector)).length > 0;
}
