import { useState } from "preact/hooks";
import { type Connection, type Connector, call, path, query, type TestResult } from "../api.ts";
import { useDoing } from "../loaded.ts";
import { navigate } from "../router.ts";
import { useSession } from "../session.ts";
import { confirmsElsewhere, useSignIn } from "../sign-in.ts";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Notice, ProblemNotice } from "../ui/notice.tsx";
import { ChangeFields, fieldsOf } from "./change-fields.tsx";
import { SignInState } from "./sign-in-state.tsx";

interface DoingsProps {
  readonly connection: Connection;
  readonly connector: Connector;
  readonly change: (connection: Connection) => void;
}

/** Everything that can be done with a connection itself. */
export function Doings({ connection, connector, change }: DoingsProps) {
  const { mayConnect } = useSession();
  const [tested, setTested] = useState<TestResult>();
  const [asking, setAsking] = useState(false);
  const testing = useDoing();
  const refreshing = useDoing();
  const renewal = useRenewal({ connection, connector, change });
  if (!mayConnect) return null;
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
        {renewal.buttons}
        <Button kind="danger" onPress={() => setAsking(true)}>
          Disconnect
        </Button>
      </div>
      {renewal.state}
      <ProblemNotice problem={testing.problem} />
      <ProblemNotice problem={refreshing.problem} />
      {tested ? <Tested result={tested} /> : null}
      {asking ? <DisconnectDialog connection={connection} close={() => setAsking(false)} /> : null}
    </section>
  );
}

/**
 * Connecting again: with a sign-in at the provider, or with what is typed here. `renewed` is the connection once that has succeeded.
 */
export function useRenewal({ connection, connector, change }: DoingsProps) {
  const { signIn, start, reset } = useSignIn();
  const [editing, setEditing] = useState(false);
  const [sent, setSent] = useState<Connection>();
  const sending = useDoing();
  const auth = connector.auth.find(({ id }) => id === connection.auth);
  const userStep = auth?.user_step === true;
  const asks = fieldsOf(connector, connection).length > 0;
  const upgrade = connection.upgrade_available;
  const again =
    connection.last_test === null ? (userStep ? "Authorize" : "Connect") : upgrade ? "Reconnect to upgrade" : "Reconnect";
  const send = (fields: Record<string, unknown>): void => {
    if (userStep) {
      setEditing(false);
      start(async () => ({ connection, fields }), confirmsElsewhere(auth));
      return;
    }
    sending.run(async () => {
      const renewed = await call<Connection>("PATCH", path("connections", connection.id), { fields });
      change(renewed);
      if (renewed.status !== "connected") return;
      setEditing(false);
      setSent(renewed);
    });
  };
  const renew = (): void => {
    if (asks && (upgrade || !userStep)) setEditing(true);
    else if (userStep) start(async () => ({ connection }), confirmsElsewhere(auth));
    else send({});
  };
  const buttons = (
    <>
      <Button kind={connection.status === "connected" ? "plain" : "primary"} icon="plug" busy={sending.busy} onPress={renew}>
        {again}
      </Button>
      {userStep && asks ? <Button onPress={() => setEditing(true)}>Change details</Button> : null}
    </>
  );
  const state = (
    <>
      <SignInState signIn={signIn} again={reset} />
      {editing ? (
        <ChangeFields
          connection={connection}
          connector={connector}
          verb={userStep ? "Save and sign in" : "Save and test"}
          sending={sending}
          send={send}
          close={() => setEditing(false)}
        />
      ) : (
        <ProblemNotice problem={sending.problem} />
      )}
    </>
  );
  const signedIn = signIn.phase === "done" && signIn.outcome.kind === "connected" ? signIn.outcome.connection : undefined;
  return { buttons, state, renewed: signedIn ?? sent };
}

const outcomes: { readonly [O in TestResult["outcome"]]: { readonly tone: "good" | "bad" | "warning"; readonly title: string } } =
  {
    passed: { tone: "good", title: "The provider accepted the credential." },
    failed: { tone: "bad", title: "The provider refused the credential." },
    unreachable: { tone: "warning", title: "The provider could not be reached; nothing has changed." },
  };

function Tested({ result: { outcome, status, duration_ms, preview } }: { readonly result: TestResult }) {
  const { tone, title } = outcomes[outcome];
  return (
    <Notice tone={tone} title={title}>
      <p class="soft">
        {status === undefined ? "No answer" : `HTTP ${status}`} after {Math.round(duration_ms)} ms
      </p>
      {preview === undefined ? null : (
        <details>
          <summary>What the provider answered</summary>
          <pre class="output">{JSON.stringify(preview, null, 2)}</pre>
        </details>
      )}
    </Notice>
  );
}

function DisconnectDialog({ connection, close }: { readonly connection: Connection; readonly close: () => void }) {
  const removing = useDoing();
  // The server names the workflows that would lose it; whoever presses again has read them.
  const inUse = removing.problem?.code === "in_use";
  const remove = async (): Promise<void> => {
    await call<null>("DELETE", `${path("connections", connection.id)}${query({ force: inUse ? "true" : undefined })}`);
    navigate("/connections");
  };
  return (
    <Dialog title="Disconnect this connection?" onClose={close}>
      <p>
        The stored credential of <strong>{connection.label ?? connection.id}</strong> is erased. Workflows that use it will fail
        until they are given another connection.
      </p>
      {inUse ? <Notice tone="warning" title={removing.problem?.message} /> : <ProblemNotice problem={removing.problem} />}
      <div class="form-actions">
        <Button onPress={close}>Keep it</Button>
        <Button kind="danger" busy={removing.busy} onPress={() => removing.run(remove)}>
          {inUse ? "Disconnect anyway" : "Disconnect now"}
        </Button>
      </div>
    </Dialog>
  );
}
