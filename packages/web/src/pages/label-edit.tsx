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

/** The label, which can be replaced by a name; clearing the name brings the computed label back. */
export function LabelEdit({ connection, change }: LabelEditProps) {
  const { mayConnect } = useSession();
  const [editing, setEditing] = useState(false);
  const [name, setName] = useState(connection.name ?? "");
  const saving = useDoing();
  const submit = (event: Event): void => {
    event.preventDefault();
    saving.run(async () => {
      const text = name.trim();
      change(await call<Connection>("PATCH", path("connections", connection.id), { name: text === "" ? null : text }));
      setEditing(false);
    });
  };
  if (!editing) {
    return (
      <p class="label-edit">
        <span data-testid="label">{connection.label ?? "No label yet"}</span>
        {mayConnect ? (
          <Button kind="quiet" onPress={() => setEditing(true)}>
            Rename
          </Button>
        ) : null}
      </p>
    );
  }
  return (
    <form class="label-edit" onSubmit={submit}>
      <label for="label-name">Name</label>
      <div class="inline">
        <input
          id="label-name"
          type="text"
          autocomplete="off"
          maxLength={120}
          placeholder="Empty: the label that it gives itself"
          value={name}
          onInput={(event) => setName(event.currentTarget.value)}
        />
        <Button kind="primary" type="submit" busy={saving.busy}>
          Save
        </Button>
        <Button onPress={() => setEditing(false)}>Cancel</Button>
      </div>
      <ProblemNotice problem={saving.problem} />
    </form>
  );
}
