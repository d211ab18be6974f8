import { useState } from "preact/hooks";
import { type ConnectionEvent, type ConnectorSummary, call, download, type List, path, query } from "../api.ts";
import { eventTypes } from "../choices.ts";
import { words } from "../format.ts";
import { useDoing, useLoaded } from "../loaded.ts";
import { useSession } from "../session.ts";
import { Button, LinkButton } from "../ui/button.tsx";
import { Notice, ProblemNotice } from "../ui/notice.tsx";
import { Page } from "../ui/page.tsx";
import { Empty, Show } from "../ui/show.tsx";
import { EventTable } from "./event-table.tsx";

interface Filter {
  readonly type: string;
  readonly connector: string;
  readonly owner: string;
}

const eventsAtOnce = 50;
const everything: Filter = { type: "", connector: "", owner: "" };

/** Everything that happened in the workspace. */
export function EventsPage() {
  const { isAdmin } = useSession();
  if (!isAdmin) {
    return (
      <Page title="Events">
        <Notice tone="info" title="Only an admin sees what happened in the whole workspace." />
      </Page>
    );
  }
  return <AdminView />;
}

function AdminView() {
  const [filter, setFilter] = useState(everything);
  const saving = useDoing();
  const save = async (): Promise<void> => saveFile("events.ndjson", await download(`${path("events")}${query({ ...filter })}`));
  return (
    <Page
      title="Events"
      lead="What happened, to which connection or app, and by whom. No answers and no secrets are kept."
      actions={
        <>
          <Button busy={saving.busy} onPress={() => saving.run(save)}>
            Download
          </Button>
          <LinkButton href="/event-endpoints">Event endpoints</LinkButton>
        </>
      }
    >
      <ProblemNotice problem={saving.problem} />
      <Filters filter={filter} change={(part) => setFilter((before) => ({ ...before, ...part }))} />
      <Rows key={JSON.stringify(filter)} filter={filter} />
    </Page>
  );
}

/** Hands a file to the person, as a link would. */
function saveFile(name: string, content: Blob): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

interface FiltersProps {
  readonly filter: Filter;
  readonly change: (part: Partial<Filter>) => void;
}

function Filters({ filter, change }: FiltersProps) {
  const connectors = useLoaded(() => call<List<ConnectorSummary>>("GET", path("connectors")), "connectors");
  const types = useLoaded(eventTypes, "types");
  const known = connectors.loaded.state === "ready" ? connectors.loaded.value.items : [];
  const named = types.loaded.state === "ready" ? types.loaded.value : [];
  return (
    <div class="toolbar">
      <label>
        <span class="visually-hidden">What</span>
        <select value={filter.type} onChange={(event) => change({ type: event.currentTarget.value })}>
          <option value="">Every event</option>
          {named.map((type) => (
            <option key={type} value={type}>
              {words(type)}
            </option>
          ))}
        </select>
      </label>
      <label>
        <span class="visually-hidden">Connector</span>
        <select value={filter.connector} onChange={(event) => change({ connector: event.currentTarget.value })}>
          <option value="">Every connector</option>
          {known.map(({ name, title }) => (
            <option key={name} value={name}>
              {title}
            </option>
          ))}
        </select>
      </label>
      <label>
        <span class="visually-hidden">Owner</span>
        <input
          type="search"
          placeholder="Every owner"
          value={filter.owner}
          onChange={(event) => change({ owner: event.currentTarget.value.trim() })}
        />
      </label>
    </div>
  );
}

function Rows({ filter }: { readonly filter: Filter }) {
  const load = (cursor?: string) =>
    call<List<ConnectionEvent>>("GET", `${path("events")}${query({ ...filter, limit: eventsAtOnce, cursor })}`);
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
          {items.length === 0 ? <Empty icon="search" title="No event fits." /> : <EventTable events={items} several />}
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
