import { type Action, type Auth, type Connector, call, path } from "../api.ts";
import { useLoaded } from "../loaded.ts";
import { useSession } from "../session.ts";
import { LinkButton } from "../ui/button.tsx";
import { ConnectorIcon } from "../ui/facts.tsx";
import { Icon } from "../ui/icon.tsx";
import { Markdown } from "../ui/markdown.tsx";
import { Page } from "../ui/page.tsx";
import { safeLink } from "../ui/safe-link.ts";
import { Empty, Show } from "../ui/show.tsx";
import { referencePlace } from "./reference.tsx";
import { isOffered, WayTags, wayAdvice, wayKind } from "./way.tsx";

/** A connector: what it is, the ways to connect it, and what can be done with a connection. */
export function ConnectorPage({ name }: { readonly name: string }) {
  const loading = useLoaded(() => call<Connector>("GET", path("connectors", name)), name);
  return <Show loading={loading}>{(connector) => <ConnectorView connector={connector} />}</Show>;
}

/** The address of one of a connector's pages. */
export function connectorPlace(name: string, page?: "connect" | "setup", query: Readonly<Record<string, string>> = {}): string {
  const place = `/connectors/${encodeURIComponent(name)}${page ? `/${page}` : ""}`;
  const search = new URLSearchParams(query).toString();
  return search === "" ? place : `${place}?${search}`;
}

function ConnectorView({ connector }: { readonly connector: Connector }) {
  const { name, title, description, icon_url, version, categories, environments, auth, actions } = connector;
  const { isAdmin, mayConnect } = useSession();
  return (
    <Page
      title={title}
      lead={description}
      icon={<ConnectorIcon url={icon_url} title={title} large />}
      above={[{ href: "/", title: "Catalogue" }]}
      actions={
        <>
          {isAdmin ? <LinkButton href={connectorPlace(name, "setup")}>Set up</LinkButton> : null}
          {mayConnect ? (
            <LinkButton kind="primary" icon="plug" href={connectorPlace(name, "connect")}>
              Connect
            </LinkButton>
          ) : null}
        </>
      }
    >
      <ul class="meta">
        <li class="state" data-configured={connector.configured}>
          {connector.configured ? "Ready to connect" : "Not set up yet"}
        </li>
        <li>Version {version}</li>
        {categories.length > 0 ? <li>{categories.join(", ")}</li> : null}
        {environments.length > 1 ? <li>Environments: {environments.join(", ")}</li> : null}
        <DocsLink url={connector.docs_url} text="Documentation" />
        <li>
          <a href={referencePlace(name)}>API of the actions</a>
        </li>
      </ul>
      <section aria-labelledby="ways">
        <h2 id="ways">Ways to connect</h2>
        <ul class="rows">
          {auth.map((way) => (
            <Way key={way.id} connector={name} way={way} ways={auth} />
          ))}
        </ul>
      </section>
      <section aria-labelledby="actions">
        <h2 id="actions">Actions</h2>
        {actions.length === 0 ? (
          <Empty icon="plug" title="This connector declares no actions; raw requests work all the same." />
        ) : null}
        <ul class="rows">
          {actions.map((action) => (
            <ActionRow key={action.id} action={action} />
          ))}
        </ul>
      </section>
    </Page>
  );
}

function DocsLink({ url, text }: { readonly url: string | null | undefined; readonly text: string }) {
  const href = safeLink(url);
  if (href === undefined) return null;
  return (
    <li>
      <a href={href} target="_blank" rel="noopener noreferrer">
        {text} <Icon name="external" />
      </a>
    </li>
  );
}

interface WayProps {
  readonly connector: string;
  readonly way: Auth;
  readonly ways: readonly Auth[];
}

function Way({ connector, way, ways }: WayProps) {
  const advice = wayAdvice(way, ways);
  const { mayConnect } = useSession();
  return (
    <li class="row">
      <div class="row-main">
        <h3>
          {way.title} <WayTags way={way} />
        </h3>
        {way.description ? <Markdown text={way.description} /> : null}
        <p class="soft">{isOffered(way) ? (advice ?? wayKind(way)) : "Not allowed on this deployment."}</p>
      </div>
      {mayConnect && isOffered(way) ? (
        <LinkButton href={connectorPlace(connector, "connect", { auth: way.id })}>Use this way</LinkButton>
      ) : null}
    </li>
  );
}

function ActionRow({ action: { id, title, description, scopes = [] } }: { readonly action: Action }) {
  return (
    <li class="row">
      <div class="row-main">
        <h3>{title}</h3>
        {description ? <Markdown text={description} /> : null}
        <p class="soft">
          <code>{id}</code>
          {scopes.length > 0 ? <> needs {scopes.join(", ")}</> : null}
        </p>
      </div>
    </li>
  );
}
