import { useState } from "preact/hooks";
import { type Action, type Connection, call, type OptionsPage, Problem, path, type StepResult } from "../api.ts";
import { Questions } from "../form/questions.tsx";
import { useForm } from "../form/use-form.ts";
import { duration, plural } from "../format.ts";
import { useDoing } from "../loaded.ts";
import { Button } from "../ui/button.tsx";
import { Markdown } from "../ui/markdown.tsx";
import { ProblemNotice } from "../ui/notice.tsx";

interface TryActionProps {
  readonly connection: Connection;
  readonly actions: readonly Action[];
}

/** Runs an action by hand, as a workflow would; it counts as no use. */
export function TryAction({ connection, actions: all }: TryActionProps) {
  const actions = all.filter(({ auth }) => !auth || auth.includes(connection.auth));
  const [chosen, setChosen] = useState(actions[0]?.id ?? "");
  const action = actions.find(({ id }) => id === chosen);
  return (
    <section class="panel" aria-labelledby="try">
      <h2 id="try">Try</h2>
      <div class="field">
        <label for="action">Action</label>
        <select id="action" value={chosen} onChange={(event) => setChosen(event.currentTarget.value)}>
          {actions.map(({ id, title }) => (
            <option key={id} value={id}>
              {title}
            </option>
          ))}
        </select>
      </div>
      {action ? <ActionForm key={action.id} connection={connection} action={action} /> : null}
    </section>
  );
}

interface ActionFormProps {
  readonly connection: Connection;
  readonly action: Action;
}

function ActionForm({ connection, action }: ActionFormProps) {
  const form = useForm({ kind: "input", questions: action.input });
  const [result, setResult] = useState<StepResult>();
  const running = useDoing();
  const suggest = async (options: string) =>
    (await call<OptionsPage>("POST", path("connections", connection.id, "options", options), { input: form.answers() })).options;
  const submit = (event: Event): void => {
    event.preventDefault();
    const input = form.submit();
    if (input === undefined) return;
    setResult(undefined);
    running.run(async () => {
      try {
        setResult(
          await call<StepResult>("POST", path("connections", connection.id, "actions", action.id), { input, mode: "test" }),
        );
      } catch (thrown) {
        if (thrown instanceof Problem) form.blame(thrown);
        throw thrown;
      }
    });
  };
  return (
    <form onSubmit={submit} noValidate>
      {action.description ? <Markdown text={action.description} /> : null}
      <Questions form={form} suggest={suggest} />
      <div class="form-actions">
        <Button kind="primary" type="submit" busy={running.busy}>
          Run
        </Button>
      </div>
      <ProblemNotice problem={running.problem} showCode />
      {result ? <Output result={result} /> : null}
    </form>
  );
}

function Output({ result: { output, step } }: { readonly result: StepResult }) {
  return (
    <div role="status">
      <p class="soft">
        HTTP {step.status} after {duration(step.duration_ms)}, {plural(step.attempts, "attempt")}
        {step.shortened ? "; shortened, a workflow gets all of it" : ""}
      </p>
      <pre class="output" data-testid="output">
        {JSON.stringify(output, null, 2)}
      </pre>
    </div>
  );
}
