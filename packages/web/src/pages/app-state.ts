import { type Auth, type Connector, call, Problem, path } from "../api.ts";
import { useLoaded } from "../loaded.ts";
import { useSession } from "../session.ts";

export type AppState = "unknown" | "saved" | "missing";

/** Whether an app is saved for this way and environment. Only admins may look; for others the connector as a whole tells. */
export function useAppState(connector: Connector, way: Auth, environment: string): AppState {
  const { isAdmin } = useSession();
  const needed = way.takes_app && way.registers_itself !== true && (way.client_source ?? "app") === "app";
  const ask = isAdmin && needed;
  const { loaded } = useLoaded<AppState>(async () => {
    if (!ask) return "unknown";
    try {
      await call("GET", path("connectors", connector.name, "apps", way.id, environment));
      return "saved";
    } catch (thrown) {
      return thrown instanceof Problem && thrown.status === 404 ? "missing" : "unknown";
    }
  }, `${connector.name}/${way.id}/${environment}/${ask}`);
  if (!needed) return "saved";
  if (!isAdmin) return connector.configured ? "unknown" : "missing";
  return loaded.state === "ready" ? loaded.value : "unknown";
}
