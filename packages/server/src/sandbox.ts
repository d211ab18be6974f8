import { createHmac } from "node:crypto";
import type { Actor, Engine, KeyRing } from "@jackfield/engine";
import type { Connector, Template } from "@jackfield/manifest";
import type { Router } from "express";
import { adminOwner, defaultWorkspace } from "./access/access.ts";

/*
 * The demonstration provider in this process. A connector belongs to it by what its manifest says, never by its name: its token
 * endpoint begins with `platform.sandbox_url`.
 */

export interface MountedSandbox {
  readonly router: Router;
  /** Saves the sandbox's client for a connector that gets its tokens there. */
  saveApp(engine: Engine, connector: Connector): Promise<void>;
}

const hole = "platform.sandbox_url";

/** Whether a connector cannot work without the sandbox. */
export function needsSandbox(connector: Connector): boolean {
  const templates = [
    connector.base_url,
    ...Object.values(connector.auth).flatMap((auth) => (auth.type === "oauth2" ? [auth.token.url] : [])),
  ];
  return templates.some((template) => template.source.includes(hole));
}

function beginsAtSandbox(template: Template): boolean {
  const [first] = template.parts.filter((part) => part !== "");
  return first !== undefined && typeof first !== "string" && first.source.trim() === hole;
}

/** Makes the sandbox for a URL. Its people's sign-ins last as long as the master key. */
export async function mountSandbox(url: string, keys: KeyRing): Promise<MountedSandbox> {
  const { createSandbox } = await import("@jackfield/sandbox");
  const secret = createHmac("sha256", keys.get(keys.active) ?? Buffer.alloc(0))
    .update("jackfield sandbox v1")
    .digest();
  const { router, client } = createSandbox({ url, secret });
  return {
    router,
    async saveApp(engine, connector) {
      for (const auth of Object.values(connector.auth)) {
        if (auth.type !== "oauth2" || auth.client.source !== "app" || !beginsAtSandbox(auth.token.url)) continue;
        for (const environment of Object.keys(connector.environments)) {
          await engine.apps.put(operator, connector.name, auth.id, environment, { ...client });
        }
      }
    },
  };
}

/** Nobody's key: the deployment itself. */
const operator: Actor = { id: "system", workspace: defaultWorkspace, owner: adminOwner, all: true, via: "key" };
