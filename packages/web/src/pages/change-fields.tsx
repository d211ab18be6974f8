import type { Auth, Connection, Connector, Question } from "../api.ts";
import { Questions } from "../form/questions.tsx";
import { useForm } from "../form/use-form.ts";
import type { Doing } from "../loaded.ts";
import { Button } from "../ui/button.tsx";
import { ProblemNotice } from "../ui/notice.tsx";

interface ChangeFieldsProps {
  readonly connection: Connection;
  readonly connector: Connector;
  /** What the button that sends the form does. */
  readonly verb: string;
  readonly sending: Doing;
  readonly send: (fields: Record<string, unknown>) => void;
  readonly close: () => void;
}

/**
 * What was given when it was connected, to be corrected. Stored secrets stay unless new ones are typed; for another version of the way to
 * connect they are given again.
 */
export function ChangeFields({ connection, connector, verb, sending, send, close }: ChangeFieldsProps) {
  const way = connector.auth.find(({ id }) => id === connection.auth);
  const keepSecrets = !connection.upgrade_available;
  const asked = fieldsOf(connector, connection);
  const questions = keepSecrets ? asked.map((question) => kept(question, way)) : asked;
  const form = useForm({ kind: "fields", questions, given: connection.fields });
  const submit = (event: Event): void => {
    event.preventDefault();
    const fields = form.submit();
    if (fields !== undefined) send(withEmptied(questions, fields));
  };
  return (
    <form class="panel" aria-label="Details" onSubmit={submit} noValidate>
      <h2>Details</h2>
      <Questions form={form} environments={connector.environments} keepSecrets={keepSecrets} />
      <ProblemNotice problem={sending.problem} />
      <div class="form-actions">
        <Button kind="primary" type="submit" busy={sending.busy}>
          {verb}
        </Button>
        <Button onPress={close}>Cancel</Button>
      </div>
    </form>
  );
}

/** The questions of the way that the connection was made. An environment is never changed afterwards. */
export function fieldsOf(connector: Connector, connection: Connection): readonly Question[] {
  const fields = connector.auth.find(({ id }) => id === connection.auth)?.fields ?? [];
  return fields.filter(({ type }) => type !== "environment");
}

/** A stored secret need not be typed again; a password that is not kept must be. */
function kept(question: Question, way: Auth | undefined): Question {
  const isGone = way?.stores_password === false && question.name === "password";
  return question.secret && !isGone ? { ...question, required: false } : question;
}

/** What was emptied is sent as null: what is not sent at all stays as it was. */
export function withEmptied(questions: readonly Question[], fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const emptied = questions.filter(({ name, secret }) => !secret && !Object.hasOwn(fields, name)).map(({ name }) => [name, null]);
  return { ...Object.fromEntries(emptied), ...fields };
}
