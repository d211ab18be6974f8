import { useState } from "preact/hooks";
import { type ConnectorSummary, call, type List, path } from "../api.ts";
import { plural } from "../format.ts";
import { useLoaded } from "../loaded.ts";
import { useSession } from "../session.ts";
import { LinkButton } from "../ui/button.tsx";
import { ConnectorIcon } from "../ui/facts.tsx";
import { Icon } from "../ui/icon.tsx";
import { Page } from "../ui/page.tsx";
import { Empty, Show } from "../ui/show.tsx";

export function CataloguePage() {
  const loading = useLoaded(() => call<List<ConnectorSummary>>("GET", path("connectors")), "connectors");
  const [search, setSearch] = useState("");
  return (
    <Page
      title="Catalogue"
      lead="Choose what to connect. One connection can be used by any number of workflows."
      actions={<SearchField label="Search connectors" value={search} onChange={setSearch} />}
    >
      <Show loading={loading}>{({ items }) => <Cards all={items} search={search} />}</Show>
    </Page>
  );
}

interface SearchFieldProps {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
}

export function SearchField({ label, value, onChange }: SearchFieldProps) {
  return (
    <div class="search">
      <Icon name="search" />
      <input
        type="search"
        aria-label={label}
        placeholder={label}
        value={value}
        onInput={(event) => onChange(event.currentTarget.value)}
      />
    </div>
  );
}

/** Whether each word of the search is somewhere in what the card says. */
export function fitsSearch({ name, title, description, categories }: ConnectorSummary, search: string): boolean {
  const text = [name, title, description, ...categories].join(" ").toLowerCase();
  return search
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}

function Cards({ all, search }: { readonly all: readonly ConnectorSummary[]; readonly search: string }) {
  const found = all.filter((connector) => fitsSearch(connector, search.trim()));
  if (all.length === 0) {
    return (
      <Empty icon="plug" title="There are no connectors yet.">
        <p>Put a folder with a connector.yaml into the connectors folder, or publish a manifest with the API.</p>
      </Empty>
    );
  }
  return (
    <>
      <p class="visually-hidden" role="status">
        {search ? `${plural(found.length, "connector")} found` : ""}
      </p>
      {found.length === 0 ? <Empty icon="search" title={`No connector fits “${search}”.`} /> : null}
      <ul class="cards">
        {found.map((connector) => (
          <Card key={connector.name} connector={connector} />
        ))}
      </ul>
    </>
  );
}

function Card({
  connector: { name, title, description, categories, icon_url, configured },
}: {
  readonly connector: ConnectorSummary;
}) {
  const { isAdmin, mayConnect } = useSession();
  const id = `card-${name}`;
  const place = `/connectors/${encodeURIComponent(name)}`;
  return (
    <li class="card">
      <article aria-labelledby={id}>
        <div class="card-head">
          <ConnectorIcon url={icon_url} title={title} />
          <h2 id={id}>
            <a href={place}>{title}</a>
          </h2>
        </div>
        <p class="card-text">{description}</p>
        {categories.length > 0 ? <p class="card-categories">{categories.join(" · ")}</p> : null}
        <div class="card-foot">
          <span class="state" data-configured={configured}>
            {configured ? "Ready to connect" : "Not set up yet"}
          </span>
          {configured && mayConnect ? (
            <LinkButton kind="primary" href={`${place}/connect`} describedBy={id}>
              Connect
            </LinkButton>
          ) : null}
          {!configured && isAdmin ? (
            <LinkButton href={`${place}/setup`} describedBy={id}>
              Set up
            </LinkButton>
          ) : null}
        </div>
      </article>
    </li>
  );
}
