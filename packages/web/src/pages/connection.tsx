import { useEffect } from "preact/hooks";
import { type Connection, type ConnectionEvent, type Connector, call, type List, path, query, type Usage } from "../api.ts";
import { duration, fullTime, plural } from "../format.ts";
import { latencyOf } from "../latency.ts";
import { watchConnection } from "../live.ts";
import { useDoing, useLoaded } from "../loaded.ts";
import { useSession } from "../session.ts";
import { Button } from "../ui/button.tsx";
import { CopyField } from "../ui/copy.tsx";
import { ConnectorIcon, Fact, StatusPill, Time } from "../ui/facts.tsx";
import { ErrorNotice, Notice, ProblemNotice } from "../ui/notice.tsx";
import { Page } from "../ui/page.tsx";
import { Show } from "../ui/show.tsx";
import { Doings } from "./connection-doings.tsx";
import { connectorPlace } from "./connector.tsx";
import { EventTable } from "./event-table.tsx";
import { LabelEdit } from "./label-edit.tsx";
import { TryAction } from "./try-action.tsx";
import { isLegacy, WayTags } from "./way.tsx";

interface Seen {
  readonly connection: Connection;
  readonly connector: Connector;
  readonly events: readonly ConnectionEvent[];
  /** The cursor of older events. */
  readonly older: string | null;
  /** The last tests, the newest first. */
  readonly tests: readonly ConnectionEvent[];
  readonly usage: readonly Usage[];
}

const eventsAtOnce = 50;
const testsShown = 20;

function loadEvents(id: string, cursor?: string): Promise<List<ConnectionEvent>> {
  return call("GET", `${path("connections", id, "events")}${query({ limit: eventsAtOnce, cursor })}`);
}

async function load(id: string): Promise<Seen> {
  const connection = await call<Connection>("GET", path("connections", id));
  const tested = query({ type: "tested", limit: testsShown });
  const [connector, events, tests, usage] = await Promise.all([
    call<Connector>("GET", path("connectors", connection.connector)),
    loadEvents(connection.id),
    call<List<ConnectionEvent>>("GET", `${path("connections", connection.id, "events")}${tested}`),
    call<List<Usage>>("GET", path("connections", connection.id, "usage")),
  ]);
  return { connection, connector, events: events.items, older: events.next, tests: tests.items, usage: usage.items };
}

/** One connection: how it is, what happened, and what can be done with it. It follows what happens on the server. */
export function ConnectionPage({ id }: { readonly id: string }) {
  const loading = useLoaded(() => load(id), id);
  const { set } = loading;
  useEffect(
    () =>
      watchConnection(id, {
        onConnection: (connection) => set((seen) => ({ ...seen, connection })),
        onChange: (event, connection) =>
          set((seen) => ({
            ...seen,
            connection,
            events: [event, ...seen.events.filter((known) => known.id !== event.id)],
            tests: event.type === "tested" ? [event, ...seen.tests].slice(0, testsShown) : seen.tests,
          })),
      }),
    [id, set],
  );
  const change = (connection: Connection): void => set((seen) => ({ ...seen, connection }));
  const loadOlder = async (cursor: string): Promise<void> => {
    const more = await loadEvents(id, cursor);
    set((seen) => ({ ...seen, events: [...seen.events, ...more.items], older: more.next }));
  };
  return <Show loading={loading}>{(seen) => <ConnectionView {...seen} change={change} loadOlder={loadOlder} />}</Show>;
}

interface ViewProps extends Seen {
  readonly change: (connection: Connection) => void;
  readonly loadOlder: (cursor: string) => Promise<void>;
}

function ConnectionView({ connection, connector, events, older, tests, usage, change, loadOlder }: ViewProps) {
  const { mayRun } = useSession();
  const more = useDoing();
  const way = connector.auth.find(({ id }) => id === connection.auth);
  return (
    <Page
      title={connection.label ?? `${connector.title}, not connected`}
      titleId="label"
      lead={
        <>
          <StatusPill status={connection.status} /> <a href={connectorPlace(connector.name)}>{connector.title}</a>{" "}
          {way && isLegacy(way) ? <WayTags way={way} /> : null}
        </>
      }
      icon={<ConnectorIcon url={connector.icon_url} title={connector.title} large />}
      above={[{ href: "/connections", title: "Connections" }]}
    >
      <LabelEdit connection={connection} change={change} />
      {connection.error ? <ErrorNotice error={connection.error} /> : null}
      {connection.upgrade_available && connection.status === "connected" ? (
        <Notice tone="info" title={`The way to connect to ${connector.title} has changed.`}>
          <p>This connection goes on as it was made. Reconnect to bring it up to date.</p>
        </Notice>
      ) : null}
      <Doings connection={connection} connector={connector} change={change} />
      <Facts connection={connection} tests={tests} />
      {mayRun && connection.status === "connected" && connector.actions.length > 0 ? (
        <TryAction connection={connection} actions={connector.actions} />
      ) : null}
      {mayRun && connector.actions.length > 0 ? <ForModels connection={connection.id} /> : null}
      {usage.length > 0 ? <UsedBy usage={usage} /> : null}
      <EventTable events={events} />
      <ProblemNotice problem={more.problem} />
      {older === null ? null : (
        <Button busy={more.busy} onPress={() => more.run(() => loadOlder(older))}>
          Load more
        </Button>
      )}
    </Page>
  );
}

/** What somebody pastes who wants a language model to use this connection. */
function ForModels({ connection }: { readonly connection: string }) {
  return (
    <section class="panel" aria-label="For language models">
      <CopyField
        id="mcp-url"
        label="MCP server with the actions of this connection"
        text={`${location.origin}/mcp?connection=${encodeURIComponent(connection)}`}
      />
    </section>
  );
}

/** The workflows that would miss it. */
function UsedBy({ usage }: { readonly usage: readonly Usage[] }) {
  return (
    <section class="panel" aria-labelledby="used-by">
      <h2 id="used-by">Used by</h2>
      <dl class="facts">
        {usage.map(({ workflow, last_used_at, count }) => (
          <Fact key={workflow} name={workflow}>
            {plural(count, "step")}, the last <Time iso={last_used_at} />
          </Fact>
        ))}
      </dl>
    </section>
  );
}

interface FactsProps {
  readonly connection: Connection;
  readonly tests: readonly ConnectionEvent[];
}

function Facts({ connection, tests }: FactsProps) {
  const latency = latencyOf(tests);
  const { unique_id, environment, owner, scopes, missing_scopes, last_test, last_used_at, created_at } = connection;
  return (
    <section class="panel" aria-label="Facts">
      <dl class="facts">
        <Fact name="Account">{unique_id === null ? "Not known yet" : <code>{unique_id}</code>}</Fact>
        <Fact name="Environment">{environment}</Fact>
        <Fact name="Owner">{owner}</Fact>
        <Fact name="Last test">
          {last_test ? (
            <>
              {last_test.outcome}, <Time iso={last_test.at} />
            </>
          ) : (
            "None yet"
          )}
        </Fact>
        {latency ? (
          <Fact name={`Last ${plural(latency.count, "test")}`}>
            {duration(latency.min)} to {duration(latency.max)}, median {duration(latency.median)}
          </Fact>
        ) : null}
        <Fact name="Access">
          <Access {...connection} />
        </Fact>
        <Fact name="Last used">{last_used_at === null ? "Never" : <Time iso={last_used_at} />}</Fact>
        <Fact name="Created">
          <Time iso={created_at} />
        </Fact>
        {scopes.length > 0 ? <Fact name="Granted">{scopes.join(", ")}</Fact> : null}
        {missing_scopes.length > 0 ? <Fact name="Asked for, not granted">{missing_scopes.join(", ")}</Fact> : null}
      </dl>
    </section>
  );
}

/** How long the access lasts, and what its person has to do for that. */
function Access({ expires_at, renewable, reauth_by }: Pick<Connection, "expires_at" | "renewable" | "reauth_by">) {
  if (reauth_by !== null) return <>Ends {fullTime(reauth_by)}; sign in again before</>;
  if (expires_at === null) return <>Does not run out by itself</>;
  if (!renewable) return <>Ends {fullTime(expires_at)}; sign in again before</>;
  return (
    <>
      Fresh token, ends <Time iso={expires_at} />; refreshed before
    </>
  );
}
