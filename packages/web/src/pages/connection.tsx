import { useEffect, useState } from "preact/hooks";
import { type Connection, type ConnectionEvent, type Connector, call, type List, path, type TestResult } from "../api.ts";
import { fullTime } from "../format.ts";
import { watchConnection } from "../live.ts";
import { useDoing, useLoaded } from "../loaded.ts";
import { navigate } from "../router.ts";
import { useSession } from "../session.ts";
import { useSignIn } from "../sign-in.ts";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { ConnectorIcon, Fact, StatusPill, Time } from "../ui/facts.tsx";
import { ErrorNotice, Notice, ProblemNotice } from "../ui/notice.tsx";
import { Page } from "../ui/page.tsx";
import { Show } from "../ui/show.tsx";
import { connectorPlace } from "./connector.tsx";
import { EventTable } from "./event-table.tsx";
import { LabelEdit } from "./label-edit.tsx";
import { SignInState } from "./sign-in-state.tsx";
import { TryAction } from "./try-action.tsx";

interface Seen {
  readonly connection: Connection;
  readonly connector: Connector;
  readonly events: readonly ConnectionEvent[];
}

const shownEvents = 50;

async function load(id: string): Promise<Seen> {
  const connection = await call<Connection>("GET", path("connections", id));
  const [connector, events] = await Promise.all([
    call<Connector>("GET", path("connectors", connection.connector)),
    call<List<ConnectionEvent>>("GET", `${path("connections", connection.id, "events")}?limit=${shownEvents}`),
  ]);
  return { connection, connector, events: events.items };
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
            events: [event, ...seen.events.filter((known) => known.id !== event.id)].slice(0, shownEvents),
          })),
      }),
    [id, set],
  );
  const change = (connection: Connection): void => set((seen) => ({ ...seen, connection }));
  return <Show loading={loading}>{(seen) => <ConnectionView {...seen} change={change} />}</Show>;
}

interface ViewProps extends Seen {
  readonly change: (connection: Connection) => void;
}

function ConnectionView({ connection, connector, events, change }: ViewProps) {
  const { mayRun } = useSession();
  return (
    <Page
      title={connection.label ?? `${connector.title}, not connected`}
      lead={
        <>
          <StatusPill status={connection.status} /> <a href={connectorPlace(connector.name)}>{connector.title}</a>
        </>
      }
      icon={<ConnectorIcon url={connector.icon_url} title={connector.title} large />}
      above={[{ href: "/connections", title: "Connections" }]}
    >
      <LabelEdit connection={connection} change={change} />
      {connection.error ? <ErrorNotice error={connection.error} /> : null}
      <Doings connection={connection} connector={connector} change={change} />
      <Facts connection={connection} />
      {mayRun && connection.status === "connected" && connector.actions.length > 0 ? (
        <TryAction connection={connection} actions={connector.actions} />
      ) : null}
      <EventTable events={events} />
    </Page>
  );
}

interface DoingsProps {
  readonly connection: Connection;
  readonly connector: Connector;
  readonly change: (connection: Connection) => void;
}

function Doings({ connection, connector, change }: DoingsProps) {
  const { mayConnect } = useSession();
  const { signIn, start, reset } = useSignIn();
  const [tested, setTested] = useState<TestResult>();
  const [asking, setAsking] = useState(false);
  const testing = useDoing();
  const refreshing = useDoing();
  if (!mayConnect) return null;
  const userStep = connector.auth.find(({ id }) => id === connection.auth)?.user_step === true;
  const worked = connection.last_test !== null;
  const test = async (): Promise<void> => {
    const result = await call<TestResult>("POST", path("connections", connection.id, "test"));
    setTested(result);
    change(result.connection);
  };
  const refresh = async (): Promise<void> =>
    change(await call<Connection>("POST", path("connections", connection.id, "refresh")));
  return (
    <section aria-label="What to do with it">
      <div class="form-actions">
        {worked ? (
          <Button icon="check" busy={testing.busy} onPress={() => testing.run(test)}>
            Test
          </Button>
        ) : null}
        {connection.renewable ? (
          <Button busy={refreshing.busy} onPress={() => refreshing.run(refresh)}>
            Refresh
          </Button>
        ) : null}
        {userStep ? (
          <Button
            kind={connection.status === "connected" ? "plain" : "primary"}
            icon="plug"
            onPress={() => start(async () => ({ connection }))}
          >
            {worked ? "Reconnect" : "Authorize"}
          </Button>
        ) : null}
        <Button kind="danger" onPress={() => setAsking(true)}>
          Disconnect
        </Button>
      </div>
      <SignInState signIn={signIn} again={reset} />
      <ProblemNotice problem={testing.problem} />
      <ProblemNotice problem={refreshing.problem} />
      {tested ? <Tested result={tested} /> : null}
      {asking ? <DisconnectDialog connection={connection} close={() => setAsking(false)} /> : null}
    </section>
  );
}

const outcomes: { readonly [O in TestResult["outcome"]]: { readonly tone: "good" | "bad" | "warning"; readonly title: string } } =
  {
    passed: { tone: "good", title: "The provider accepted the credential." },
    failed: { tone: "bad", title: "The provider refused the credential." },
    unreachable: { tone: "warning", title: "The provider could not be reached; nothing has changed." },
  };

function Tested({ result: { outcome, status, duration_ms } }: { readonly result: TestResult }) {
  const { tone, title } = outcomes[outcome];
  return (
    <Notice tone={tone} title={title}>
      <p class="soft">
        {status === undefined ? "No answer" : `HTTP ${status}`} after {Math.round(duration_ms)} ms
      </p>
    </Notice>
  );
}

function DisconnectDialog({ connection, close }: { readonly connection: Connection; readonly close: () => void }) {
  const removing = useDoing();
  const remove = async (): Promise<void> => {
    await call<null>("DELETE", path("connections", connection.id));
    navigate("/connections");
  };
  return (
    <Dialog title="Disconnect this connection?" onClose={close}>
      <p>
        The stored credential of <strong>{connection.label ?? connection.id}</strong> is erased. Workflows that use it will fail
        until they are given another connection.
      </p>
      <ProblemNotice problem={removing.problem} />
      <div class="form-actions">
        <Button kind="danger" busy={removing.busy} onPress={() => removing.run(remove)}>
          Disconnect now
        </Button>
        <Button onPress={close}>Keep it</Button>
      </div>
    </Dialog>
  );
}

function Facts({ connection }: { readonly connection: Connection }) {
  const { unique_id, environment, owner, scopes, missing_scopes, expires_at, renewable, last_test, created_at } = connection;
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
        <Fact name="Access">
          {expires_at === null ? (
            "Does not run out by itself"
          ) : renewable ? (
            <>
              Refreshed before <Time iso={expires_at} />
            </>
          ) : (
            <>Ends {fullTime(expires_at)}; sign in again before</>
          )}
        </Fact>
        <Fact name="Created">
          <Time iso={created_at} />
        </Fact>
        {scopes.length > 0 ? <Fact name="Granted">{scopes.join(", ")}</Fact> : null}
        {missing_scopes.length > 0 ? <Fact name="Not granted">{missing_scopes.join(", ")}</Fact> : null}
      </dl>
    </section>
  );
}
