import { useEffect, useState } from "preact/hooks";
import { type Connection, type ConnectorSummary, call, type List, path, query, type Status } from "../api.ts";
import { statusNames } from "../format.ts";
import { useDoing, useLoaded } from "../loaded.ts";
import { Button, LinkButton } from "../ui/button.tsx";
import { ConnectorIcon, StatusPill, Time } from "../ui/facts.tsx";
import { ProblemNotice } from "../ui/notice.tsx";
import { Page } from "../ui/page.tsx";
import { Empty, Show } from "../ui/show.tsx";
import { SearchField } from "./catalogue.tsx";

const pageSize = 25;

/** Statuses that are worth looking for; disconnected ones are not listed. */
const filters: readonly Status[] = ["connected", "needs_reauth", "error", "awaiting_authorization", "draft"];

/** Every connection within reach. */
export function ConnectionsPage() {
  const [search, setSearch] = useState("");
  const [status, setStatus] = useState("");
  const settled = useSettled(search);
  const connectors = useLoaded(() => call<List<ConnectorSummary>>("GET", path("connectors")), "connectors");
  const known = connectors.loaded.state === "ready" ? connectors.loaded.value.items : [];
  return (
    <Page
      title="Connections"
      lead="Each is one account at a provider, kept fresh for every workflow that uses it."
      actions={
        <LinkButton kind="primary" icon="plus" href="/">
          Add connection
        </LinkButton>
      }
    >
      <div class="toolbar">
        <SearchField label="Search connections" value={search} onChange={setSearch} />
        <label>
          <span class="visually-hidden">Status</span>
          <select value={status} onChange={(event) => setStatus(event.currentTarget.value)}>
            <option value="">Every status</option>
            {filters.map((each) => (
              <option key={each} value={each}>
                {statusNames[each]}
              </option>
            ))}
          </select>
        </label>
      </div>
      <Rows key={`${status} ${settled}`} search={settled} status={status} connectors={known} />
    </Page>
  );
}

/** The text once its writer has paused. */
function useSettled(text: string): string {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text.trim()), 250);
    return () => clearTimeout(timer);
  }, [text]);
  return settled;
}

interface RowsProps {
  readonly search: string;
  readonly status: string;
  readonly connectors: readonly ConnectorSummary[];
}

function Rows({ search, status, connectors }: RowsProps) {
  const load = (cursor?: string) =>
    call<List<Connection>>("GET", `${path("connections")}${query({ search, status, limit: pageSize, cursor })}`);
  const loading = useLoaded(() => load(), "");
  const more = useDoing();
  const loadMore = (cursor: string): void =>
    more.run(async () => {
      const next = await load(cursor);
      loading.set((before) => ({ items: [...before.items, ...next.items], next: next.next }));
    });
  return (
    <Show loading={loading}>
      {({ items, next }) => (
        <>
          {items.length === 0 ? <NothingFound filtered={search !== "" || status !== ""} /> : null}
          <ul class="rows">
            {items.map((connection) => (
              <Row
                key={connection.id}
                connection={connection}
                connector={connectors.find(({ name }) => name === connection.connector)}
              />
            ))}
          </ul>
          <ProblemNotice problem={more.problem} />
          {next === null ? null : (
            <Button busy={more.busy} onPress={() => loadMore(next)}>
              Load more
            </Button>
          )}
        </>
      )}
    </Show>
  );
}

function NothingFound({ filtered }: { readonly filtered: boolean }) {
  if (filtered) return <Empty icon="search" title="No connection fits." />;
  return (
    <Empty icon="plug" title="There are no connections yet.">
      <LinkButton kind="primary" href="/">
        Choose what to connect
      </LinkButton>
    </Empty>
  );
}

interface RowProps {
  readonly connection: Connection;
  readonly connector: ConnectorSummary | undefined;
}

function Row({ connection, connector }: RowProps) {
  const { id, label, status, environment, owner, last_test, upgrade_available } = connection;
  const title = connector?.title ?? connection.connector;
  return (
    <li class="row connection-row">
      <ConnectorIcon url={connector?.icon_url} title={title} />
      <div class="row-main">
        <h2>
          <a href={`/connections/${encodeURIComponent(id)}`}>{label ?? `${title}, not connected`}</a>
        </h2>
        <p class="soft">
          {title} · {environment} · {owner}
          {last_test ? (
            <>
              {" "}
              · test {last_test.outcome} <Time iso={last_test.at} />
            </>
          ) : null}
        </p>
      </div>
      {upgrade_available ? <span class="tag">Upgrade available</span> : null}
      <StatusPill status={status} />
    </li>
  );
}
