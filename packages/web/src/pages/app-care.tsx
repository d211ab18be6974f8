import type { App, ConnectionEvent } from "../api.ts";
import { plural, words } from "../format.ts";
import { useDoing } from "../loaded.ts";
import { Button } from "../ui/button.tsx";
import { Time } from "../ui/facts.tsx";
import { ErrorNotice, Notice, ProblemNotice } from "../ui/notice.tsx";
import { actorName } from "./event-table.tsx";

interface AppCareProps {
  readonly app: App;
  /** Gives up the secret before the present one. */
  readonly dropPrevious: () => Promise<void>;
}

/** What an admin should know of a saved app before it hurts: refusals, rotation, its end, and who still lives by an earlier one. */
export function AppCare({ app, dropPrevious }: AppCareProps) {
  return (
    <>
      <Refused app={app} />
      <PreviousSecret app={app} dropPrevious={dropPrevious} />
      <Expiry expiresOn={app.expires_on} />
      <Former app={app} />
    </>
  );
}

function Refused({ app: { error, paused_until } }: Pick<AppCareProps, "app">) {
  if (error === null || paused_until === null) return null;
  return (
    <ErrorNotice error={error}>
      <p>
        Nothing is refreshed with this app for now; one connection tries again <Time iso={paused_until} />. Saving the app sets
        all of them going at once.
      </p>
    </ErrorNotice>
  );
}

function PreviousSecret({ app: { previous_secret_until, previous_secret_used }, dropPrevious }: AppCareProps) {
  const dropping = useDoing();
  if (previous_secret_until === null) return null;
  const title = previous_secret_used
    ? "The provider does not take the new secret; the one before it is at work."
    : "The secret before this one is still held.";
  return (
    <Notice tone={previous_secret_used ? "warning" : "info"} title={title}>
      <p>
        It is tried where the provider refuses the new one, and given up <Time iso={previous_secret_until} />.
      </p>
      <ProblemNotice problem={dropping.problem} />
      <Button kind="quiet" busy={dropping.busy} onPress={() => dropping.run(dropPrevious)}>
        Drop it now
      </Button>
    </Notice>
  );
}

const month = 30 * 86_400_000;

function Expiry({ expiresOn }: { readonly expiresOn: string | null }) {
  if (expiresOn === null || Date.parse(expiresOn) - Date.now() > month) return null;
  const over = Date.parse(expiresOn) <= Date.now();
  return (
    <Notice tone="warning" title={over ? "The secret has ended at the provider." : "The secret ends soon."}>
      <p>
        {over ? "It ended" : "It ends"} on {expiresOn}. Make a new one at the provider and save it here.
      </p>
    </Notice>
  );
}

function Former({ app: { former } }: Pick<AppCareProps, "app">) {
  if (former.length === 0) return null;
  return (
    <section aria-labelledby="former">
      <h3 id="former">Former clients</h3>
      <p class="help">Kept for the connections that were made with them, until these are reconnected or disconnected.</p>
      <ul>
        {former.map(({ client_id, connections, since, error }) => (
          <li key={client_id}>
            <code>{client_id}</code>: {plural(connections, "connection")}, replaced <Time iso={since} />
            {error === null ? "" : ". The provider refuses it: reconnect them."}
          </li>
        ))}
      </ul>
    </section>
  );
}

/** What happened to the app, newest first. */
export function AppLog({ events }: { readonly events: readonly ConnectionEvent[] }) {
  if (events.length === 0) return null;
  return (
    <section aria-labelledby="app-log">
      <h3 id="app-log">What happened</h3>
      <ul>
        {events.map(({ id, at, type, actor }) => (
          <li key={id} data-event={type}>
            {words(type.replace(/^app\./, ""))}, <Time iso={at} />, {actorName(actor)}
          </li>
        ))}
      </ul>
    </section>
  );
}
