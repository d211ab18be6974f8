import { useState } from "preact/hooks";
import { type ApiKey, call, type List, path, type Role } from "../api.ts";
import { useDoing, useLoaded } from "../loaded.ts";
import { useSession } from "../session.ts";
import { Button } from "../ui/button.tsx";
import { CopyField } from "../ui/copy.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Time } from "../ui/facts.tsx";
import { Notice, ProblemNotice } from "../ui/notice.tsx";
import { Page } from "../ui/page.tsx";
import { Show } from "../ui/show.tsx";

/** What each role is for. */
const roles: { readonly [R in Role]: string } = {
  workflow: "runs steps through every connection",
  user: "makes and uses their own connections",
  author: "writes and publishes connectors",
  admin: "may do everything",
};

type NewKey = ApiKey & { readonly key: string };

/** The keys with which programs and people call the API. */
export function ApiKeysPage() {
  const { isAdmin } = useSession();
  if (!isAdmin) {
    return (
      <Page title="API keys">
        <Notice tone="info" title="Only an admin sees the API keys." />
      </Page>
    );
  }
  return <AdminView />;
}

function AdminView() {
  const loading = useLoaded(() => call<List<ApiKey>>("GET", path("api_keys")), "keys");
  const [made, setMade] = useState<NewKey>();
  return (
    <Page title="API keys" lead="For programs that call the API, and for people who sign in without the link of the start.">
      <CreateKey
        onCreated={(key) => {
          setMade(key);
          loading.reload();
        }}
      />
      {made ? (
        <Notice tone="good" title="Copy the key now: it is shown only this once.">
          <CopyField id="new-key" label={made.name ?? "New key"} text={made.key} />
        </Notice>
      ) : null}
      <Show loading={loading}>{({ items }) => <Keys keys={items} reload={loading.reload} />}</Show>
    </Page>
  );
}

function CreateKey({ onCreated }: { readonly onCreated: (key: NewKey) => void }) {
  const [name, setName] = useState("");
  const [role, setRole] = useState<Role>("workflow");
  const [owner, setOwner] = useState("");
  const creating = useDoing();
  const submit = (event: Event): void => {
    event.preventDefault();
    creating.run(async () => {
      const body = { name: name.trim(), role, ...(owner.trim() === "" ? {} : { owner: owner.trim() }) };
      onCreated(await call<NewKey>("POST", path("api_keys"), body));
      setName("");
      setOwner("");
    });
  };
  return (
    <form class="panel" onSubmit={submit} noValidate>
      <h2>New key</h2>
      <div class="inline">
        <div class="field">
          <label for="key-name">Name</label>
          <input
            id="key-name"
            type="text"
            autocomplete="off"
            value={name}
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </div>
        <div class="field">
          <label for="key-role">Role</label>
          <select id="key-role" value={role} onChange={(event) => setRole(event.currentTarget.value as Role)}>
            {Object.keys(roles).map((each) => (
              <option key={each} value={each}>
                {each}
              </option>
            ))}
          </select>
          <p class="help">A key that {roles[role]}.</p>
        </div>
        <div class="field">
          <label for="key-owner">Owner</label>
          <input
            id="key-owner"
            type="text"
            autocomplete="off"
            placeholder="Whose connections it makes"
            value={owner}
            onInput={(event) => setOwner(event.currentTarget.value)}
          />
        </div>
      </div>
      <ProblemNotice problem={creating.problem} />
      <Button kind="primary" type="submit" icon="key" busy={creating.busy} disabled={name.trim() === ""}>
        Create key
      </Button>
    </form>
  );
}

interface KeysProps {
  readonly keys: readonly ApiKey[];
  readonly reload: () => void;
}

function Keys({ keys, reload }: KeysProps) {
  const [leaving, setLeaving] = useState<ApiKey>();
  return (
    <div class="table-wrap">
      <table class="table">
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">Role</th>
            <th scope="col">Created</th>
            <th scope="col">Last used</th>
            <th scope="col">
              <span class="visually-hidden">What to do</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {keys.map((key) => (
            <tr key={key.id}>
              <td>{key.name ?? key.id}</td>
              <td>{key.role}</td>
              <td>{key.created_at ? <Time iso={key.created_at} /> : ""}</td>
              <td>{key.last_used_at ? <Time iso={key.last_used_at} /> : "Never"}</td>
              <td>
                {key.revoked_at ? (
                  "Revoked"
                ) : (
                  <Button kind="quiet" onPress={() => setLeaving(key)}>
                    Revoke
                  </Button>
                )}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {leaving ? <RevokeDialog apiKey={leaving} close={() => setLeaving(undefined)} reload={reload} /> : null}
    </div>
  );
}

function RevokeDialog({
  apiKey,
  close,
  reload,
}: {
  readonly apiKey: ApiKey;
  readonly close: () => void;
  readonly reload: () => void;
}) {
  const revoking = useDoing();
  const revoke = async (): Promise<void> => {
    await call<null>("DELETE", path("api_keys", apiKey.id));
    close();
    reload();
  };
  return (
    <Dialog title={`Revoke ${apiKey.name ?? apiKey.id}?`} onClose={close}>
      <p>Whatever uses this key is refused from now on. Connections stay as they are.</p>
      <ProblemNotice problem={revoking.problem} />
      <div class="form-actions">
        <Button onPress={close}>Keep it</Button>
        <Button kind="danger" busy={revoking.busy} onPress={() => revoking.run(revoke)}>
          Revoke now
        </Button>
      </div>
    </Dialog>
  );
}
