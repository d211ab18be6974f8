import type { Runtime } from "../runtime.ts";
import type { Actor } from "./actor.ts";
import { find, reach } from "./connections.ts";
import { shownTo } from "./limits.ts";
import type { ConnectionEvent } from "./record.ts";
import { type Connection, view } from "./view.ts";

/** Watches the id that was asked for and, once it has become an alias, the connection that it stands for. */
export async function watch(
  runtime: Runtime,
  actor: Actor,
  id: string,
  listener: (event: ConnectionEvent, connection: Connection) => void,
): Promise<() => void> {
  const stops: (() => void)[] = [];
  let over = false;
  const begin = async (connection: string): Promise<void> => {
    const stop = await runtime.events.watch(connection, tell);
    if (over) stop();
    else stops.push(stop);
  };
  const watchAlso = (connection: string): void =>
    void begin(connection).catch((cause: unknown) =>
      runtime.log("warn", "a connection cannot be watched", { connection, cause }),
    );
  const tell = (event: ConnectionEvent): void => {
    find(runtime, actor, id)
      .then((record) => {
        if (over) return;
        if (event.type === "merged") watchAlso(record.id);
        const shown = shownTo(actor, event);
        if (shown !== undefined) listener(shown, view(runtime, actor, record));
      })
      .catch((cause: unknown) => runtime.log("debug", "a watched connection is gone", { connection: id, cause }));
  };
  const record = await reach(runtime, actor, id, "connect");
  const end = (): void => {
    over = true;
    for (const stop of stops.splice(0)) stop();
  };
  try {
    await begin(id);
    if (record.id !== id) await begin(record.id);
  } catch (cause) {
    end();
    throw cause;
  }
  return end;
}
