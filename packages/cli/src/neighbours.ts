import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Bases } from "@jackfield/manifest";

/** The connectors in the folders beside that of a manifest: what it may extend. */
export function neighboursOf(file: string): Bases {
  const folder = dirname(dirname(file));
  return {
    text(name) {
      try {
        return readFileSync(join(folder, name, "connector.yaml"), "utf8");
      } catch {
        return undefined;
      }
    },
    names: () => readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : [])),
  };
}
