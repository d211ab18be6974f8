import type { ConnectionEvent } from "../api.ts";
import { duration, words } from "../format.ts";
import { Time } from "../ui/facts.tsx";
import { connectorPlace } from "./connector.tsx";

interface EventTableProps {
  readonly events: readonly ConnectionEvent[];
  /** Whether they are of several connections, so that each names its own. */
  readonly several?: boolean;
}

/** A log, newest first. */
export function EventTable({ events, several = false }: EventTableProps) {
  return (
    <section aria-labelledby="log">
      <h2 id="log">Log</h2>
      <div class="table-wrap">
        <table class="table">
          <thead>
            <tr>
              <th scope="col">When</th>
              <th scope="col">What</th>
              {several ? <th scope="col">Of what</th> : null}
              <th scope="col">Who</th>
              <th scope="col">Host</th>
              <th scope="col">Answer</th>
              <th scope="col">Took</th>
            </tr>
          </thead>
          <tbody>
            {events.map((event) => (
              <tr key={event.id} data-event={event.type}>
                <td>
                  <Time iso={event.at} />
                </td>
                <td>
                  {words(event.type)} {event.action ? <code>{event.action}</code> : null}
                  {event.workflow ? ` for ${event.workflow}` : ""}
                  {event.mode === "test" ? " as a test" : ""}
                </td>
                {several ? (
                  <td>
                    <Subject event={event} />
                  </td>
                ) : null}
                <td>{actorName(event.actor)}</td>
                <td>{event.host ?? ""}</td>
                <td>
                  {event.status ?? ""} {event.code ? <code>{event.code}</code> : null}
                </td>
                <td>{event.duration_ms === undefined ? "" : duration(event.duration_ms)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

/** The connection or the app that it is about, or else what is known. */
function Subject({ event: { connection, connector, owner, endpoint, app } }: { readonly event: ConnectionEvent }) {
  if (connector && app) {
    const { auth, environment, client_id, expires_on } = app;
    return (
      <>
        <a href={connectorPlace(connector, "setup", { auth, environment })}>{connector}</a>'s app <code>{client_id}</code>
        {expires_on ? `, whose secret ends on ${expires_on}` : ""}
      </>
    );
  }
  if (!connection) return <>{connector ?? endpoint ?? ""}</>;
  return (
    <>
      <a href={`/connections/${encodeURIComponent(connection)}`}>{connector ?? connection}</a> {owner ? `of ${owner}` : ""}
    </>
  );
}

/** `key/6ad8…` as "API key 6ad8"; the engine's own doings are the platform's. */
export function actorName(actor: string): string {
  if (actor === "system") return "Platform";
  if (actor === "nobody") return "Not signed in";
  const [kind, id = ""] = actor.split("/");
  return kind === "key" ? `API key ${id.slice(0, 4)}` : actor;
}
