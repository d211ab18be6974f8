import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { type Auth, type Connection, type Connector, call, Problem, path } from "../api.ts";
import { Questions } from "../form/questions.tsx";
import { type Form, useForm } from "../form/use-form.ts";
import { useDoing } from "../loaded.ts";
import { useSession } from "../session.ts";
import { confirmsElsewhere, type SignIn, useSignIn } from "../sign-in.ts";
import { Button, LinkButton } from "../ui/button.tsx";
import { CopyField } from "../ui/copy.tsx";
import { ConnectorIcon } from "../ui/facts.tsx";
import { Icon } from "../ui/icon.tsx";
import { Markdown } from "../ui/markdown.tsx";
import { ErrorNotice, Notice, ProblemNotice } from "../ui/notice.tsx";
import { Page } from "../ui/page.tsx";
import { Show } from "../ui/show.tsx";
import { useConnector } from "../use-connector.ts";
import { useAppState } from "./app-state.ts";
import { connectorPlace } from "./connector.tsx";
import { SignInState } from "./sign-in-state.tsx";
import { firstWay, isOffered, PasswordNotice, Scopes, WayTags, wayAdvice, wayKind } from "./way.tsx";

/** Makes a connection: choose a way, fill in its form, sign in at the provider. */
export function ConnectPage({ name, query }: { readonly name: string; readonly query: URLSearchParams }) {
  const loading = useConnector(name);
  return <Show loading={loading}>{(connector) => <ConnectView connector={connector} query={query} />}</Show>;
}

function ConnectView({ connector, query }: { readonly connector: Connector; readonly query: URLSearchParams }) {
  return (
    <Page
      title={`Connect ${connector.title}`}
      lead={connector.description}
      icon={<ConnectorIcon url={connector.icon_url} title={connector.title} large />}
      above={[
        { href: "/", title: "Catalogue" },
        { href: connectorPlace(connector.name), title: connector.title },
      ]}
    >
      <ConnectPanel
        connector={connector}
        way={query.get("auth")}
        wanted={query.get("environment")}
        connected={(connection) => <Connected connection={connection} />}
      />
    </Page>
  );
}

interface ConnectPanelProps {
  readonly connector: Connector;
  /** The way to connect that is chosen at first; null: the recommended one. */
  readonly way: string | null;
  /** The environment that is chosen at first. */
  readonly wanted: string | null;
  /** What is shown when it is done. */
  readonly connected: (connection: Connection) => ComponentChildren;
}

/** Choose a way, fill in its form, sign in at the provider. */
export function ConnectPanel({ connector, way, wanted, connected }: ConnectPanelProps) {
  const ways = connector.auth.filter(isOffered);
  const first = ways.find(({ id }) => id === way) ?? firstWay(ways);
  const [chosen, setChosen] = useState(first?.id ?? "");
  const auth = ways.find(({ id }) => id === chosen);
  return (
    <div class="panel panel-narrow">
      {ways.length > 1 ? <Ways ways={ways} chosen={chosen} choose={setChosen} /> : null}
      {ways.length === 0 ? <Notice tone="warning" title="This deployment allows no way to connect it." /> : null}
      {auth ? <ConnectForm key={auth.id} connector={connector} auth={auth} wanted={wanted} connected={connected} /> : null}
    </div>
  );
}

interface WaysProps {
  readonly ways: readonly Auth[];
  readonly chosen: string;
  readonly choose: (id: string) => void;
}

function Ways({ ways, chosen, choose }: WaysProps) {
  return (
    <fieldset class="ways">
      <legend>How do you want to connect?</legend>
      {ways.map((way) => (
        <label key={way.id} class="way">
          <input type="radio" name="way" value={way.id} checked={way.id === chosen} onChange={() => choose(way.id)} />
          <span>
            <strong>{way.title}</strong> <WayTags way={way} />
            <span class="way-kind">{wayAdvice(way, ways) ?? wayKind(way)}</span>
          </span>
        </label>
      ))}
    </fieldset>
  );
}

interface ConnectFormProps extends Omit<ConnectPanelProps, "way"> {
  readonly auth: Auth;
}

const underWay: ReadonlySet<SignIn["phase"]> = new Set(["preparing", "waiting", "confirming"]);

/** One thing to do at a time: the form, then what became of it. */
function ConnectForm({ connector, auth, wanted, connected }: ConnectFormProps) {
  const environments = connector.environments;
  const [chosen, setEnvironment] = useState(environments.find((each) => each === wanted) ?? environments[0] ?? "");
  const [name, setName] = useState("");
  const [made, setMade] = useState<Connection>();
  const form = useForm({ kind: "fields", questions: auth.fields });
  const environment = answeredEnvironment(form) ?? chosen;
  const { signIn, start, reset } = useSignIn();
  const connecting = useDoing();

  const create = async (fields: Record<string, unknown>): Promise<Connection> => {
    const body = {
      connector: connector.name,
      auth: auth.id,
      environment,
      fields,
      ...(name.trim() === "" ? {} : { name: name.trim() }),
    };
    const connection = await call<Connection>("POST", path("connections"), body).catch((thrown: unknown) => {
      if (thrown instanceof Problem) form.blame(thrown);
      throw thrown;
    });
    setMade(connection);
    return connection;
  };
  const submit = (event: Event): void => {
    event.preventDefault();
    const fields = form.submit();
    if (fields === undefined) return;
    if (auth.user_step)
      start(async () => ({ connection: made ? await correct(made, fields) : await create(fields) }), confirmsElsewhere(auth));
    else
      connecting.run(
        async () => void (made && made.status !== "connected" ? setMade(await correct(made, fields)) : await create(fields)),
      );
  };

  if (!auth.user_step && made?.status === "connected") return <>{connected(made)}</>;
  if (signIn.phase === "done" && signIn.outcome.kind === "connected") return <>{connected(signIn.outcome.connection)}</>;
  if (underWay.has(signIn.phase)) return <SignInState signIn={signIn} again={reset} />;
  return (
    <form onSubmit={submit} noValidate>
      <SignInState signIn={signIn} again={reset} />
      {made && !auth.user_step && made.error ? <ErrorNotice error={made.error} /> : null}
      <ProblemNotice problem={connecting.problem} />
      {auth.description ? <Markdown text={auth.description} /> : null}
      <PasswordNotice way={auth} />
      {bringsClient(auth) ? <CopyField id="redirect-uri" label="Redirect URL to register" text={connector.redirect_uri} /> : null}
      <FormFields
        form={form}
        environments={environments}
        environment={environment}
        setEnvironment={setEnvironment}
        fixed={made !== undefined}
      />
      <div class="field">
        <label for="connection-name">Name</label>
        <input
          id="connection-name"
          type="text"
          autocomplete="off"
          maxLength={120}
          value={name}
          disabled={made !== undefined}
          onInput={(event) => setName(event.currentTarget.value)}
        />
        <p class="help">Only if you want another name than the one that the connection gives itself.</p>
      </div>
      <Scopes way={auth} title="What will be asked for" />
      <Ready connector={connector} auth={auth} environment={environment} busy={connecting.busy} />
    </form>
  );
}

/** Whoever brings the client registers our redirect URL for it, which must be known before anything is saved. */
const bringsClient = ({ user_step, client_source }: Auth) =>
  user_step && (client_source === "connection" || client_source === "either");

/** The environment, where a field of the form asks for it. */
function answeredEnvironment(form: Form): string | undefined {
  const field = form.questions.find(({ type }) => type === "environment");
  const value = field && form.values[field.name];
  return typeof value === "string" && value !== "" ? value : undefined;
}

/** A draft from an earlier try takes the corrected fields, so that trying again makes no second one. */
async function correct(made: Connection, fields: Record<string, unknown>): Promise<Connection> {
  if (Object.keys(fields).length === 0) return made;
  return call<Connection>("PATCH", path("connections", made.id), { fields });
}

interface FormFieldsProps {
  readonly form: Form;
  readonly environments: readonly string[];
  readonly environment: string;
  readonly setEnvironment: (environment: string) => void;
  readonly fixed: boolean;
}

function FormFields({ form, environments, environment, setEnvironment, fixed }: FormFieldsProps) {
  const asked = form.questions.some(({ type }) => type === "environment");
  return (
    <>
      {environments.length > 1 && !asked ? (
        <div class="field">
          <label for="environment">Environment</label>
          <select
            id="environment"
            value={environment}
            disabled={fixed}
            onChange={(event) => setEnvironment(event.currentTarget.value)}
          >
            {environments.map((each) => (
              <option key={each} value={each}>
                {each}
              </option>
            ))}
          </select>
        </div>
      ) : null}
      <Questions form={form} environments={environments} />
    </>
  );
}

interface ReadyProps extends Pick<ConnectFormProps, "connector" | "auth"> {
  readonly environment: string;
  readonly busy: boolean;
}

/** The button, or what is missing before there can be one. */
function Ready({ connector, auth, environment, busy }: ReadyProps) {
  const { isAdmin } = useSession();
  const missing = useAppState(connector, auth, environment) === "missing";
  return (
    <>
      <p class="advice">
        <Icon name="shield" /> Prefer an account made for this purpose, with no more rights than the work needs.
      </p>
      {missing ? (
        <Notice tone="warning" title="The app's client ID and secret are not saved yet.">
          {isAdmin ? (
            <a href={connectorPlace(connector.name, "setup", { auth: auth.id, environment })}>Save them on the set-up page</a>
          ) : (
            <p>Ask an admin to set this connector up.</p>
          )}
        </Notice>
      ) : null}
      <div class="form-actions">
        <Button kind="primary" type="submit" icon="plug" busy={busy} disabled={missing}>
          {auth.user_step ? "Authorize" : "Connect"}
        </Button>
      </div>
    </>
  );
}

function Connected({ connection }: { readonly connection: Connection }) {
  return (
    <Success connection={connection}>
      <LinkButton kind="primary" href={`/connections/${encodeURIComponent(connection.id)}`}>
        Open the connection
      </LinkButton>
      <LinkButton href="/">Back to the catalogue</LinkButton>
    </Success>
  );
}

interface SuccessProps {
  readonly connection: Connection;
  /** Where it goes on from here. */
  readonly children: ComponentChildren;
}

/** What is connected now, as it calls itself. */
export function Success({ connection, children }: SuccessProps) {
  return (
    <div class="success-panel" role="status">
      <Icon name="check" />
      <p class="success-title">
        <span data-testid="label">{connection.label ?? connection.id}</span> is connected
      </p>
      {connection.unique_id ? (
        <p class="soft">
          Account <code>{connection.unique_id}</code>
        </p>
      ) : null}
      <div class="form-actions">{children}</div>
    </div>
  );
}
