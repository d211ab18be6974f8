import { useState } from "preact/hooks";
import { type Connection, call, path } from "../api.ts";
import { useDoing } from "../loaded.ts";
import { useSession } from "../session.ts";
import { Button } from "../ui/button.tsx";
import { ProblemNotice } from "../ui/notice.tsx";

interface LabelEditProps {
  readonly connection: Connection;
  readonly change: (connection: Connection) => void;
}

/** The label, which can be replaced by a name, and what it is for; clearing the name brings the computed label back. */
export function LabelEdit({ connection, change }: LabelEditProps) {
  const { mayConnect } = useSession();
  const [editing, setEditing] = useState(false);
  const [name, setName] = useState(connection.name ?? "");
  const [description, setDescription] = useState(connection.description ?? "");
  const saving = useDoing();
  const edit = (): void => {
    setName(connection.name ?? "");
    setDescription(connection.description ?? "");
    setEditing(true);
  };
  const submit = (event: Event): void => {
    event.preventDefault();
    saving.run(async () => {
      const words = { name: name.trim() || null, description: description.trim() || null };
      change(await call<Connection>("PATCH", path("connections", connection.id), words));
      setEditing(false);
    });
  };
  if (!editing) {
    return (
      <>
        {mayConnect ? (
          <p class="label-edit">
            <Button kind="quiet" onPress={edit}>
              Rename
            </Button>
          </p>
        ) : null}
        {connection.description ? <p class="soft">{connection.description}</p> : null}
      </>
    );
  }
  return (
    <form class="panel" aria-label="Rename" onSubmit={submit}>
      <div class="field">
        <label for="label-name">Name</label>
        <input
          id="label-name"
          type="text"
          autocomplete="off"
          maxLength={120}
          placeholder="Empty: the label that it gives itself"
          value={name}
          onInput={(event) => setName(event.currentTarget.value)}
        />
      </div>
      <div class="field">
        <label for="description">Purpose</label>
        <textarea
          id="description"
          rows={2}
          maxLength={500}
          placeholder="What it is for, for whoever finds it"
          value={description}
          onInput={(event) => setDescription(event.currentTarget.value)}
        />
      </div>
      <ProblemNotice problem={saving.problem} />
      <div class="form-actions">
        <Button kind="primary" type="submit" busy={saving.busy}>
          Save
        </Button>
        <Button onPress={() => setEditing(false)}>Cancel</Button>
      </div>
    </form>
  );
}
