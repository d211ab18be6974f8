import { useState } from "preact/hooks";
import { call, type Delivery, type EventEndpoint, type List, path } from "../api.ts";
import { messageTypes } from "../choices.ts";
import { duration, plural } from "../format.ts";
import { useDoing, useLoaded } from "../loaded.ts";
import { useSession } from "../session.ts";
import { Button } from "../ui/button.tsx";
import { CopyField } from "../ui/copy.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Time } from "../ui/facts.tsx";
import { Notice, ProblemNotice } from "../ui/notice.tsx";
import { Page } from "../ui/page.tsx";
import { Empty, Show } from "../ui/show.tsx";

type WithSecret = EventEndpoint & { readonly secret: string };

const above = [{ href: "/events", title: "Events" }];

/** Where embedding applications hear of events. */
export function EventEndpointsPage() {
  const { isAdmin } = useSession();
  if (!isAdmin) {
    return (
      <Page title="Event endpoints" above={above}>
        <Notice tone="info" title="Only an admin sees the event endpoints." />
      </Page>
    );
  }
  return <AdminView />;
}

function AdminView() {
  const loading = useLoaded(() => call<List<EventEndpoint>>("GET", path("event_endpoints")), "endpoints");
  const [made, setMade] = useState<WithSecret>();
  const onSecret = (endpoint: WithSecret): void => {
    setMade(endpoint);
    loading.reload();
  };
  return (
    <Page
      title="Event endpoints"
      lead="URLs of your own application that are told what becomes of connections and apps, in signed messages (Standard Webhooks)."
      above={above}
    >
      <CreateEndpoint onCreated={onSecret} />
      {made ? (
        <Notice tone="good" title="Copy the secret now: it is shown only this once.">
          <CopyField id="new-secret" label={`Secret of ${made.url}`} text={made.secret} />
        </Notice>
      ) : null}
      <Show loading={loading}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty icon="plug" title="There are no event endpoints yet." />
          ) : (
            items.map((endpoint) => (
              <Endpoint key={endpoint.id} endpoint={endpoint} reload={loading.reload} onSecret={onSecret} />
            ))
          )
        }
      </Show>
    </Page>
  );
}

function CreateEndpoint({ onCreated }: { readonly onCreated: (endpoint: WithSecret) => void }) {
  const [url, setUrl] = useState("");
  const [types, setTypes] = useState<readonly string[]>([]);
  const known = useLoaded(messageTypes, "types");
  const creating = useDoing();
  const submit = (event: Event): void => {
    event.preventDefault();
    creating.run(async () => {
      onCreated(await call<WithSecret>("POST", path("event_endpoints"), { url: url.trim(), types }));
      setUrl("");
      setTypes([]);
    });
  };
  return (
    <form class="panel" onSubmit={submit} noValidate>
      <h2>New event endpoint</h2>
      <div class="field">
        <label for="endpoint-url">URL</label>
        <input
          id="endpoint-url"
          type="url"
          autocomplete="off"
          placeholder="https://app.example.com/hooks"
          value={url}
          onInput={(event) => setUrl(event.currentTarget.value)}
        />
      </div>
      <div class="field">
        <label for="endpoint-types">What it is told of</label>
        <select
          id="endpoint-types"
          multiple
          onChange={(event) => setTypes([...event.currentTarget.selectedOptions].map(({ value }) => value))}
        >
          {(known.loaded.state === "ready" ? known.loaded.value : []).map((type) => (
            <option key={type} value={type} selected={types.includes(type)}>
              {type}
            </option>
          ))}
        </select>
        <p class="help">Nothing chosen: everything.</p>
      </div>
      <ProblemNotice problem={creating.problem} />
      <Button kind="primary" type="submit" icon="plus" busy={creating.busy} disabled={url.trim() === ""}>
        Create endpoint
      </Button>
    </form>
  );
}

interface EndpointProps {
  readonly endpoint: EventEndpoint;
  readonly reload: () => void;
  readonly onSecret: (endpoint: WithSecret) => void;
}

const disabledBecause = {
  admin: "Disabled. It is told nothing.",
  gone: "Disabled, because it answered that it is gone (410).",
  failing: "Disabled, because it took no message for days.",
} as const;

function Endpoint({ endpoint, reload, onSecret }: EndpointProps) {
  const { id, url, types, disabled, disabled_reason, last_success_at } = endpoint;
  const doing = useDoing();
  const deliveries = useLoaded(() => call<List<Delivery>>("GET", `${path("event_endpoints", id, "deliveries")}?limit=10`), id);
  const [leaving, setLeaving] = useState(false);
  const toggle = async (): Promise<void> => {
    await call<EventEndpoint>("PATCH", path("event_endpoints", id), { disabled: !disabled });
    reload();
  };
  const ping = async (): Promise<void> => {
    await call<Delivery>("POST", path("event_endpoints", id, "test"));
    deliveries.reload();
    reload();
  };
  const rotate = async (): Promise<void> => onSecret(await call<WithSecret>("POST", path("event_endpoints", id, "rotate")));
  return (
    <section class="panel" aria-label={url}>
      <h2>{url}</h2>
      <p class="soft">
        {types.length === 0 ? "Everything" : types.join(", ")} ·{" "}
        {last_success_at ? (
          <>
            last took a message <Time iso={last_success_at} />
          </>
        ) : (
          "has taken no message yet"
        )}
      </p>
      {disabled ? <Notice tone="warning" title={disabledBecause[disabled_reason ?? "admin"]} /> : null}
      <div class="form-actions">
        <Button icon="check" busy={doing.busy} onPress={() => doing.run(ping)}>
          Send a ping
        </Button>
        <Button onPress={() => doing.run(toggle)}>{disabled ? "Enable" : "Disable"}</Button>
        <Button icon="key" onPress={() => doing.run(rotate)}>
          New secret
        </Button>
        <Button kind="danger" onPress={() => setLeaving(true)}>
          Delete
        </Button>
      </div>
      <ProblemNotice problem={doing.problem} />
      <Show loading={deliveries}>{({ items }) => (items.length === 0 ? null : <Deliveries deliveries={items} />)}</Show>
      {leaving ? <DeleteDialog endpoint={endpoint} close={() => setLeaving(false)} reload={reload} /> : null}
    </section>
  );
}

function Deliveries({ deliveries }: { readonly deliveries: readonly Delivery[] }) {
  return (
    <div class="table-wrap">
      <table class="table">
        <thead>
          <tr>
            <th scope="col">When</th>
            <th scope="col">What</th>
            <th scope="col">How it went</th>
            <th scope="col">Answer</th>
            <th scope="col">Took</th>
          </tr>
        </thead>
        <tbody>
          {deliveries.map((delivery) => (
            <tr key={delivery.id} data-delivery={delivery.status}>
              <td>
                <Time iso={delivery.created_at} />
              </td>
              <td>{delivery.type}</td>
              <td>
                {delivery.status}, {plural(delivery.attempts, "attempt")}
                {delivery.next_at ? (
                  <>
                    , next <Time iso={delivery.next_at} />
                  </>
                ) : null}
              </td>
              <td>
                {delivery.http_status ?? ""} {delivery.error ? <code>{delivery.error}</code> : null}
              </td>
              <td>{delivery.duration_ms === null ? "" : duration(delivery.duration_ms)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface DeleteDialogProps {
  readonly endpoint: EventEndpoint;
  readonly close: () => void;
  readonly reload: () => void;
}

function DeleteDialog({ endpoint, close, reload }: DeleteDialogProps) {
  const deleting = useDoing();
  const remove = async (): Promise<void> => {
    await call<null>("DELETE", path("event_endpoints", endpoint.id));
    close();
    reload();
  };
  return (
    <Dialog title={`Delete ${endpoint.url}?`} onClose={close}>
      <p>It is told nothing from now on, and what was still to be sent to it is forgotten.</p>
      <ProblemNotice problem={deleting.problem} />
      <div class="form-actions">
        <Button onPress={close}>Keep it</Button>
        <Button kind="danger" busy={deleting.busy} onPress={() => deleting.run(remove)}>
          Delete now
        </Button>
      </div>
    </Dialog>
  );
}
