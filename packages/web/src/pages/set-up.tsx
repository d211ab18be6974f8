import { useState } from "preact/hooks";
import {
  type App,
  type Auth,
  type Connection,
  type ConnectionEvent,
  type Connector,
  call,
  type List,
  Problem,
  path,
  type Question,
  query as queryText,
} from "../api.ts";
import { Questions } from "../form/questions.tsx";
import { useForm } from "../form/use-form.ts";
import { useDoing, useLoaded } from "../loaded.ts";
import { useSession } from "../session.ts";
import { confirmsElsewhere } from "../sign-in.ts";
import { Button, LinkButton } from "../ui/button.tsx";
import { CopyField } from "../ui/copy.tsx";
import { ConnectorIcon } from "../ui/facts.tsx";
import { Icon } from "../ui/icon.tsx";
import { Markdown } from "../ui/markdown.tsx";
import { Notice, ProblemNotice } from "../ui/notice.tsx";
import { Page } from "../ui/page.tsx";
import { safeLink } from "../ui/safe-link.ts";
import { Show } from "../ui/show.tsx";
import { Tabs } from "../ui/tabs.tsx";
import { useConnector } from "../use-connector.ts";
import { AppCare, AppLog } from "./app-care.tsx";
import { connectorPlace } from "./connector.tsx";
import { GeneralAdvice, Scopes } from "./way.tsx";

/** Where an admin registers the app behind a connector: once at the provider, once here. */
export function SetUpPage({ name, query }: { readonly name: string; readonly query: URLSearchParams }) {
  const loading = useConnector(name);
  return <Show loading={loading}>{(connector) => <SetUpView connector={connector} query={query} />}</Show>;
}

function SetUpView({ connector, query }: { readonly connector: Connector; readonly query: URLSearchParams }) {
  const { environments } = connector;
  const wanted = connector.auth.find(({ id }) => id === query.get("auth")) ?? connector.auth[0];
  const [chosen, setChosen] = useState(wanted?.id ?? "");
  const [environment, setEnvironment] = useState(
    environments.find((name) => name === query.get("environment")) ?? environments[0] ?? "",
  );
  const auth = connector.auth.find(({ id }) => id === chosen);
  return (
    <Page
      title={`Set up ${connector.title}`}
      lead="Register an app at the provider once; then everybody here can connect."
      icon={<ConnectorIcon url={connector.icon_url} title={connector.title} large />}
      above={[
        { href: "/", title: "Catalogue" },
        { href: connectorPlace(connector.name), title: connector.title },
      ]}
    >
      {connector.auth.length > 1 ? (
        <Tabs
          label="Way to connect"
          options={connector.auth.map(({ id, title }) => ({ value: id, label: title }))}
          value={chosen}
          onChange={setChosen}
        />
      ) : null}
      {auth ? (
        <div class="columns">
          <AtTheProvider connector={connector} auth={auth} />
          <Here connector={connector} auth={auth} environment={environment} setEnvironment={setEnvironment} />
        </div>
      ) : null}
    </Page>
  );
}

function AtTheProvider({ connector, auth }: { readonly connector: Connector; readonly auth: Auth }) {
  const docs = safeLink(connector.docs_url);
  const comesBack = auth.user_step && !confirmsElsewhere(auth);
  return (
    <section class="panel" aria-labelledby="at-the-provider">
      <h2 id="at-the-provider">At the provider</h2>
      {auth.setup ? (
        <Markdown text={auth.setup} />
      ) : (
        <p>Register an OAuth client at the provider{comesBack ? ", with this redirect URL" : ""}.</p>
      )}
      {comesBack ? (
        <>
          <CopyField id="redirect-uri" label="Redirect URL" text={connector.redirect_uri} />
          <p class="help">
            Register it exactly as shown. It is this deployment's own: register the URL of each further deployment separately.
          </p>
        </>
      ) : null}
      {docs ? (
        <p>
          <a href={docs} target="_blank" rel="noopener noreferrer">
            Where do I find this? <Icon name="external" />
          </a>
        </p>
      ) : null}
      <Scopes way={auth} title="Scopes to allow" whole />
      <GeneralAdvice />
    </section>
  );
}

interface HereProps {
  readonly connector: Connector;
  readonly auth: Auth;
  readonly environment: string;
  readonly setEnvironment: (environment: string) => void;
}

function Here({ connector, auth, environment, setEnvironment }: HereProps) {
  const { isAdmin } = useSession();
  if (!auth.takes_app) {
    return (
      <section class="panel" aria-labelledby="here">
        <h2 id="here">Here</h2>
        <p>
          This way to connect takes no app: nothing needs to be saved. Everybody gives their own credentials when they connect.
        </p>
        <LinkButton kind="primary" href={connectorPlace(connector.name, "connect", { auth: auth.id })}>
          Connect
        </LinkButton>
      </section>
    );
  }
  return (
    <section class="panel" aria-labelledby="here">
      <h2 id="here">Here</h2>
      {connector.environments.length > 1 ? (
        <Tabs
          label="Environment"
          options={connector.environments.map((name) => ({ value: name, label: name }))}
          value={environment}
          onChange={setEnvironment}
        />
      ) : null}
      {isAdmin ? (
        <AppForm key={`${auth.id}/${environment}`} connector={connector} auth={auth} environment={environment} />
      ) : (
        <Notice tone="info" title="Only an admin may save the app." />
      )}
    </section>
  );
}

interface Stored {
  readonly app: App | undefined;
  readonly connected: boolean;
  readonly events: readonly ConnectionEvent[];
}

async function loadStored(connector: string, auth: string, environment: string): Promise<Stored> {
  const filter = queryText({ connector, environment, status: "connected", limit: 200 });
  const place = path("connectors", connector, "apps", auth, environment);
  const [app, connections, events] = await Promise.all([
    call<App>("GET", place).catch((thrown: unknown) => {
      if (thrown instanceof Problem && thrown.status === 404) return undefined;
      throw thrown;
    }),
    call<List<Connection>>("GET", `${path("connections")}${filter}`),
    call<List<ConnectionEvent>>("GET", `${place}/events?limit=5`),
  ]);
  return { app, connected: connections.items.some((connection) => connection.auth === auth), events: events.items };
}

function AppForm({ connector, auth, environment }: Omit<HereProps, "setEnvironment">) {
  const loading = useLoaded(() => loadStored(connector.name, auth.id, environment), `${auth.id}/${environment}`);
  const save = async (values: Readonly<Record<string, unknown>>): Promise<void> => {
    await call<App>("PUT", path("connectors", connector.name, "apps", auth.id, environment), values);
    loading.reload();
  };
  return (
    <Show loading={loading}>
      {({ app, connected, events }) => (
        <>
          {app ? <AppCare app={app} dropPrevious={() => save({ client_id: app.client_id, keep_previous: false })} /> : null}
          <AppFields
            key={app?.updated_at ?? "none"}
            app={app}
            registersItself={auth.registers_itself === true}
            questions={auth.app_fields ?? []}
            save={save}
          />
          <Checklist
            place={connectorPlace(connector.name, "connect", { auth: auth.id, environment })}
            app={app}
            connected={connected}
          />
          <AppLog events={events} />
        </>
      )}
    </Show>
  );
}

interface AppFieldsProps {
  readonly app: App | undefined;
  readonly registersItself: boolean;
  /** What the connector asks for beside client ID and secret. */
  readonly questions: readonly Question[];
  readonly save: (values: Readonly<Record<string, unknown>>) => Promise<void>;
}

/** A secret that is stored is asked for again only if it is to be replaced. */
function asked(questions: readonly Question[], app: App | undefined): readonly Question[] {
  return questions.map((question) =>
    app?.secrets_set?.includes(question.name)
      ? { ...question, required: false, placeholder: "Stored. Leave empty to keep it." }
      : question,
  );
}

/** Who brought the app, where nobody has to. */
function Registered({ app }: Pick<AppFieldsProps, "app">) {
  if (app !== undefined && app.registered !== true) return null;
  return (
    <Notice tone="info" title={app ? "The platform registered itself." : "Nothing has to be saved here."}>
      <p>
        {app
          ? "This is the client that the provider gave it. Save another one to use that instead."
          : "The platform registers itself at the provider when somebody connects. Save a client of your own to use that instead."}
      </p>
    </Notice>
  );
}

function AppFields({ app, registersItself, questions, save }: AppFieldsProps) {
  const form = useForm({ kind: "fields", questions: asked(questions, app), given: app?.fields ?? {} });
  const [id, setId] = useState(app?.client_id ?? "");
  const [secret, setSecret] = useState("");
  const [end, setEnd] = useState(app?.expires_on ?? "");
  const saving = useDoing();
  const [touched, setTouched] = useState(false);
  const changed = id !== (app?.client_id ?? "") || secret !== "" || touched;
  const submit = (event: Event): void => {
    event.preventDefault();
    const further = form.submit();
    if (further === undefined) return;
    const texts = Object.entries(further).map(([name, value]) => [name, String(value)]);
    // A new secret has an end of its own, unless this one was entered for it.
    const told = end === (app?.expires_on ?? "") ? {} : { expires_on: end === "" ? null : end };
    const given = secret === "" ? {} : { client_secret: secret };
    saving.run(() => save({ ...Object.fromEntries(texts), client_id: id, ...given, ...told }));
  };
  return (
    <form onSubmit={submit} onInput={() => setTouched(true)} noValidate>
      {registersItself ? <Registered app={app} /> : null}
      <div class="field">
        <label for="client-id">Client ID</label>
        <input
          id="client-id"
          type="text"
          autocomplete="off"
          spellcheck={false}
          value={id}
          onInput={(event) => setId(event.currentTarget.value)}
        />
      </div>
      <div class="field">
        <label for="client-secret">Client secret {app?.secret_set ? <span class="tag">Secret set</span> : null}</label>
        <input
          id="client-secret"
          type="password"
          autocomplete="off"
          spellcheck={false}
          placeholder={app?.secret_set ? "Stored. Leave empty to keep it." : undefined}
          value={secret}
          onInput={(event) => setSecret(event.currentTarget.value)}
        />
        <p class="help">Sealed when it is saved, and never shown again.</p>
      </div>
      <div class="field">
        <label for="expires-on">Secret ends on</label>
        <input id="expires-on" type="date" value={end} onInput={(event) => setEnd(event.currentTarget.value)} />
        <p class="help">If the provider names a day. You are told a month before.</p>
      </div>
      <Questions form={form} />
      <ProblemNotice problem={saving.problem} />
      <div class="form-actions">
        <Button kind="primary" type="submit" busy={saving.busy} disabled={!changed}>
          Save configuration
        </Button>
        <span class="soft" role="status">
          {changed ? "Not saved yet." : app ? "Saved." : ""}
        </span>
      </div>
    </form>
  );
}

interface ChecklistProps extends Omit<Stored, "events"> {
  /** Where one connects with this app. */
  readonly place: string;
}

function Checklist({ place, app, connected }: ChecklistProps) {
  return (
    <>
      <ol class="checklist" aria-label="What is done">
        <li data-done={app !== undefined}>The app is saved here</li>
        <li data-done={connected}>Somebody has connected</li>
      </ol>
      {app ? (
        <LinkButton kind={connected ? "plain" : "primary"} href={place}>
          Connect
        </LinkButton>
      ) : null}
    </>
  );
}
