import { useEffect } from "preact/hooks";
import { type Connector, call, path } from "./api.ts";
import { watchConnector } from "./live.ts";
import { type Loading, useLoaded } from "./loaded.ts";

/** A connector, loaded again whenever its manifest is replaced. */
export function useConnector(name: string): Loading<Connector> {
  const loading = useLoaded(() => call<Connector>("GET", path("connectors", name)), name);
  const { reload } = loading;
  useEffect(() => watchConnector(name, reload), [name, reload]);
  return loading;
}
