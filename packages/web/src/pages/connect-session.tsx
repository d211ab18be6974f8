import { useEffect, useState } from "preact/hooks";
import {
  actIn,
  type Connection,
  type Connector,
  type ConnectorSummary,
  type ConnectSession,
  call,
  type List,
  onSignedOut,
  type Problem,
  path,
} from "../api.ts";
import { useLoaded } from "../loaded.ts";
import { SessionContext } from "../session.ts";
import { Button, LinkButton } from "../ui/button.tsx";
import { ConnectorIcon } from "../ui/facts.tsx";
import { ErrorNotice } from "../ui/notice.tsx";
import { Page, usePageTitle } from "../ui/page.tsx";
import { Empty, Show } from "../ui/show.tsx";
import { useConnector } from "../use-connector.ts";
import { fitsSearch, SearchField } from "./catalogue.tsx";
import { ConnectPanel, Success } from "./connect.tsx";
import { useRenewal } from "./connection-doings.tsx";

/** For somebody who was given a link: connect, and nothing else. */
export function ConnectSessionPage({ id }: { readonly id: string }) {
  // Before anything below asks for something.
  actIn(id);
  const [over, setOver] = useState(false);
  useEffect(() => onSignedOut(() => setOver(true)), []);
  const loading = useLoaded(() => call<ConnectSession>("GET", path("connect_sessions", id)), id);
  const { loaded } = loading;
  if (over || (loaded.state === "failed" && isOver(loaded.problem))) return <Over />;
  return (
    <main class="guest">
      <Show loading={loading}>
        {(session) => (
          <SessionContext.Provider value={{ id, role: "connect_session", owner: session.owner, workspace: "" }}>
            <Connecting session={session} />
          </SessionContext.Provider>
        )}
      </Show>
    </main>
  );
}

const isOver = ({ status }: Problem) => status === 401 || status === 404;

function Over() {
  const heading = usePageTitle("This link has ended");
  return (
    <main class="alone">
      <h1 ref={heading} tabIndex={-1}>
        This link has ended
      </h1>
      <p class="soft">It may also have been opened in another browser. Go back to where you came from, and ask for a new one.</p>
    </main>
  );
}

/** What is done already is shown first: the person may have come back from the provider in this very window. */
function Connecting({ session }: { readonly session: ConnectSession }) {
  const [done, setDone] = useState(session.connections.at(-1));
  if (done !== undefined) return <Done session={session} connection={done} again={() => setDone(undefined)} />;
  if (session.connection !== null) return <Reconnect session={session} id={session.connection} />;
  return <Choice session={session} />;
}

/** Which connector; where there is only one, that is no question. */
function Choice({ session }: { readonly session: ConnectSession }) {
  const [chosen, setChosen] = useState<string>();
  const loading = useLoaded(() => call<List<ConnectorSummary>>("GET", path("connectors")), "connectors");
  return (
    <Show loading={loading}>
      {({ items }) => {
        const name = chosen ?? (items.length === 1 ? items[0]?.name : undefined);
        if (name !== undefined) return <Connect key={name} name={name} session={session} />;
        return <Offers session={session} all={items.filter(({ configured }) => configured)} choose={setChosen} />;
      }}
    </Show>
  );
}

interface OffersProps {
  readonly session: ConnectSession;
  readonly all: readonly ConnectorSummary[];
  readonly choose: (name: string) => void;
}

const manyOffers = 8;

function Offers({ session, all, choose }: OffersProps) {
  const [search, setSearch] = useState("");
  const field = <SearchField label="Search connectors" value={search} onChange={setSearch} />;
  return (
    <Page
      title="What do you want to connect?"
      lead={<For session={session} />}
      actions={all.length > manyOffers ? field : undefined}
    >
      {all.length === 0 ? <Empty icon="plug" title="Nothing can be connected yet." /> : null}
      <ul class="offers">
        {all
          .filter((connector) => fitsSearch(connector, search.trim()))
          .map(({ name, title, description, icon_url }) => (
            <li key={name}>
              <button type="button" class="offer" onClick={() => choose(name)}>
                <ConnectorIcon url={icon_url} title={title} />
                <strong>{title}</strong>
                <span class="soft">{description}</span>
              </button>
            </li>
          ))}
      </ul>
    </Page>
  );
}

function Connect({ name, session }: { readonly name: string; readonly session: ConnectSession }) {
  const loading = useConnector(name);
  const [again, setAgain] = useState(0);
  return (
    <Show loading={loading}>
      {(connector) => (
        <Page
          title={`Connect ${connector.title}`}
          lead={<For session={session} />}
          icon={<ConnectorIcon url={connector.icon_url} title={connector.title} large />}
        >
          <ConnectPanel
            key={again}
            connector={connector}
            way={null}
            wanted={null}
            connected={(connection) => (
              <Told session={session} connection={connection} again={() => setAgain((count) => count + 1)} />
            )}
          />
        </Page>
      )}
    </Show>
  );
}

interface ReconnectProps {
  readonly session: ConnectSession;
  readonly connection: Connection;
  readonly connector: Connector;
}

function Reconnect({ session, id }: { readonly session: ConnectSession; readonly id: string }) {
  const loading = useLoaded(async () => {
    const connection = await call<Connection>("GET", path("connections", id));
    return { connection, connector: await call<Connector>("GET", path("connectors", connection.connector)) };
  }, id);
  const { set } = loading;
  return (
    <Show loading={loading}>
      {(known) => <Renewal {...known} session={session} change={(connection) => set((before) => ({ ...before, connection }))} />}
    </Show>
  );
}

function Renewal({
  session,
  connection,
  connector,
  change,
}: ReconnectProps & { readonly change: (connection: Connection) => void }) {
  const { buttons, state, renewed } = useRenewal({ connection, connector, change });
  return (
    <Page
      title={`Reconnect ${connection.label ?? connector.title}`}
      lead={<For session={session} />}
      icon={<ConnectorIcon url={connector.icon_url} title={connector.title} large />}
    >
      <div class="panel panel-narrow">
        {renewed ? (
          <Told session={session} connection={renewed} />
        ) : (
          <>
            {connection.error ? <ErrorNotice error={connection.error} /> : null}
            <div class="form-actions">{buttons}</div>
            {state}
          </>
        )}
      </div>
    </Page>
  );
}

/** Who asks, so that nobody connects for somebody whom they do not know. */
function For({ session: { name, return_origin } }: { readonly session: ConnectSession }) {
  const host = return_origin === null ? undefined : new URL(return_origin).host;
  if (name === null && host === undefined) return null;
  return (
    <>
      For <strong>{name ?? host}</strong>
      {name !== null && host !== undefined ? ` (${host})` : null}
    </>
  );
}

interface DoneProps {
  readonly session: ConnectSession;
  readonly connection: Connection;
  readonly again?: () => void;
}

function Done(props: DoneProps) {
  return (
    <Page title="Connected" lead={<For session={props.session} />}>
      <div class="panel panel-narrow">
        <Told {...props} />
      </div>
    </Page>
  );
}

/** The end: the page that opened this one is told, and the person is shown the way back. */
function Told({ session, connection, again }: DoneProps) {
  const { id, return_origin, return_url } = session;
  useEffect(
    () => tellOpener(return_origin, { type: "jackfield.connected", connection: connection.id, session: id }),
    [connection.id, id, return_origin],
  );
  return (
    <Success connection={connection}>
      {return_url === null ? null : (
        <LinkButton kind="primary" href={return_url}>
          Back to {new URL(return_url).host}
        </LinkButton>
      )}
      {window.opener === null ? null : <Button onPress={() => window.close()}>Close this window</Button>}
      {again === undefined || session.connection !== null ? null : <Button onPress={again}>Connect another</Button>}
    </Success>
  );
}

/** Only the origin that was agreed on hears it (RFC 9700 §4.17), and only an id: what it is good for takes a key. */
function tellOpener(origin: string | null, message: Readonly<Record<string, string>>): void {
  const opener: Window | null = window.opener;
  if (origin !== null) opener?.postMessage(message, origin);
}
