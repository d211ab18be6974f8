import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import type { Choice, Question, QuestionType } from "../api.ts";
import { Markdown } from "../ui/markdown.tsx";
import { controlId, type Form } from "./use-form.ts";
import { heldParts, type Value } from "./values.ts";

interface ControlProps {
  readonly question: Question;
  readonly value: Value;
  readonly environments: readonly string[];
  readonly change: (value: Value) => void;
  readonly suggest?: Suggest | undefined;
  /** What the choices depend on, as it stands now. */
  readonly asked?: string;
  /** What ties the control to its label, its help and its mistake. */
  readonly aria: Readonly<Record<string, string | boolean | undefined>>;
}

/** Asks the provider for the choices of a drop-down. */
export type Suggest = (options: string) => Promise<readonly Choice[]>;

interface QuestionsProps {
  readonly form: Form;
  readonly suggest?: Suggest | undefined;
  readonly environments?: readonly string[];
  /** Secrets that are stored already and may be left empty; one that is required is not. */
  readonly keepSecrets?: boolean;
}

/** The controls of a form, one per question that is visible. */
export function Questions({ form, suggest, environments = [], keepSecrets = false }: QuestionsProps) {
  return (
    <>
      {form.questions
        .filter(({ name }) => !form.hidden.has(name))
        .map((question) => (
          <QuestionRow
            key={question.name}
            question={
              keepSecrets && question.secret && !question.required
                ? { ...question, placeholder: "Stored. Leave empty to keep it." }
                : question
            }
            value={form.values[question.name] ?? ""}
            environments={environments}
            mistake={form.mistakes[question.name]}
            suggest={suggest}
            asked={JSON.stringify((question.options_depend_on ?? []).map((name) => form.values[name]))}
            change={(value) => form.change(question.name, value)}
          />
        ))}
    </>
  );
}

interface QuestionRowProps extends Omit<ControlProps, "aria"> {
  readonly mistake: string | undefined;
}

function QuestionRow({ question, value, environments, mistake, change, suggest, asked = "" }: QuestionRowProps) {
  const id = controlId(question.name);
  const described = [question.help ? `${id}-help` : "", mistake ? `${id}-mistake` : ""].filter(Boolean).join(" ");
  const aria = {
    id,
    "aria-describedby": described || undefined,
    "aria-invalid": mistake === undefined ? undefined : true,
    "aria-required": question.required ? true : undefined,
  };
  const Control = controlOf(question, suggest);
  const ticked = question.type === "boolean" && !question.list;
  return (
    <div class={ticked ? "field field-tick" : "field"}>
      {ticked ? <Control question={question} value={value} environments={environments} change={change} aria={aria} /> : null}
      <label for={id}>
        {question.label}
        {question.required ? <span class="required">Required</span> : null}
      </label>
      {ticked ? null : <Control {...{ question, value, environments, change, aria, suggest, asked }} />}
      {question.help ? (
        <div class="help" id={`${id}-help`}>
          <Markdown text={question.help} />
        </div>
      ) : null}
      {mistake ? (
        <p class="mistake" id={`${id}-mistake`}>
          {mistake}
        </p>
      ) : null}
    </div>
  );
}

function controlOf(question: Question, suggest: Suggest | undefined) {
  if (question.list) return ListControl;
  if (question.fields) return GroupControl;
  return suggest !== undefined && question.options_from ? SuggestControl : controls[question.type];
}

/** Every type of question has its control. */
const controls: { readonly [Type in QuestionType]: (props: ControlProps) => ComponentChildren } = {
  string: TextControl,
  text: LongTextControl,
  number: TextControl,
  boolean: TickControl,
  date: DateControl,
  select: SelectControl,
  environment: EnvironmentControl,
  file: FileControl,
  object: LongTextControl,
  url: TextControl,
  path: TextControl,
};

/** The keyboard that a phone shows. */
const inputModes: Readonly<Partial<Record<QuestionType, "decimal" | "url">>> = { number: "decimal", url: "url" };

function TextControl({ question, value, change, aria }: ControlProps) {
  const shared = {
    ...aria,
    autocomplete: "off",
    spellcheck: false,
    placeholder: question.placeholder ?? undefined,
    value: String(value),
    onInput: (event: { readonly currentTarget: HTMLInputElement }) => change(event.currentTarget.value),
  } as const;
  const control = question.secret ? (
    <input {...shared} type="password" />
  ) : (
    <input {...shared} type="text" autocapitalize="off" inputMode={inputModes[question.type]} />
  );
  if (!question.prefix && !question.suffix) return control;
  return (
    <div class="affixed">
      {question.prefix ? <span class="affix">{question.prefix}</span> : null}
      {control}
      {question.suffix ? <span class="affix">{question.suffix}</span> : null}
    </div>
  );
}

/** A text with suggestions, which are asked for when somebody is about to type, and again once what they depend on is another. */
function SuggestControl(props: ControlProps) {
  const { question, value, change, aria, suggest, asked = "" } = props;
  const [known, setKnown] = useState<{ readonly asked: string; readonly choices: readonly Choice[] }>();
  const choices = known?.asked === asked ? known.choices : undefined;
  const list = `${aria.id}-choices`;
  const ask = (): void => {
    if (choices !== undefined || suggest === undefined || !question.options_from) return;
    setKnown({ asked, choices: [] });
    suggest(question.options_from).then(
      (found) => setKnown((latest) => (latest?.asked === asked ? { asked, choices: found } : latest)),
      () => setKnown(undefined),
    );
  };
  return (
    <>
      <input
        {...aria}
        type="text"
        list={list}
        autocomplete="off"
        placeholder={question.placeholder ?? undefined}
        value={String(value)}
        onFocus={ask}
        onInput={(event) => change(event.currentTarget.value)}
      />
      <datalist id={list}>
        {(choices ?? []).map((choice) => (
          <option key={String(choice.value)} value={String(choice.value)}>
            {choice.label}
          </option>
        ))}
      </datalist>
    </>
  );
}

function LongTextControl(props: ControlProps) {
  const { question, value, change, aria } = props;
  // A secret is never shown as it is typed, however long it is.
  if (question.secret) return <TextControl {...props} />;
  return (
    <textarea
      {...aria}
      rows={4}
      placeholder={question.placeholder ?? undefined}
      value={String(value)}
      onInput={(event) => change(event.currentTarget.value)}
    />
  );
}

function TickControl({ value, change, aria }: ControlProps) {
  return <input {...aria} type="checkbox" checked={value === true} onChange={(event) => change(event.currentTarget.checked)} />;
}

function DateControl({ value, change, aria }: ControlProps) {
  return <input {...aria} type="date" value={String(value)} onInput={(event) => change(event.currentTarget.value)} />;
}

function FileControl({ change, aria }: ControlProps) {
  const read = async (file: File | undefined): Promise<void> => {
    if (file === undefined) return change("");
    const bytes = new Uint8Array(await file.arrayBuffer());
    let text = "";
    for (const byte of bytes) text += String.fromCharCode(byte);
    change(JSON.stringify({ name: file.name, type: file.type || "application/octet-stream", data: btoa(text) }));
  };
  return <input {...aria} type="file" onChange={(event) => void read(event.currentTarget.files?.[0])} />;
}

function SelectControl(props: ControlProps) {
  const { question, value, change, aria } = props;
  // Choices that only the provider knows are typed.
  if (!question.options) return <TextControl {...props} />;
  return (
    <select {...aria} value={String(value)} onChange={(event) => change(event.currentTarget.value)}>
      {question.required && value !== "" ? null : <option value="">{question.placeholder ?? "—"}</option>}
      {(question.options ?? []).map((option) => (
        <option key={String(option.value)} value={String(option.value)}>
          {option.label}
        </option>
      ))}
    </select>
  );
}

function EnvironmentControl(props: ControlProps) {
  const options = props.environments.map((name) => ({ label: name, value: name }));
  return <SelectControl {...props} question={{ ...props.question, options, required: true }} />;
}

/** The parts of a group, held together as JSON. */
function GroupControl({ question, value, environments, change, aria }: ControlProps) {
  const { id, ...rest } = aria;
  const held = heldParts(value);
  return (
    <fieldset {...rest} id={String(id)} class="group" tabIndex={-1} aria-label={question.label}>
      {(question.fields ?? []).map((part) => (
        <QuestionRow
          key={part.name}
          question={{ ...part, name: `${question.name}.${part.name}` }}
          value={held[part.name] ?? (part.list ? [] : part.default == null ? "" : String(part.default))}
          environments={environments}
          mistake={undefined}
          change={(given) => change(JSON.stringify({ ...held, [part.name]: given }))}
        />
      ))}
    </fieldset>
  );
}

/** A list is one value per line, or a tick per choice. */
function ListControl({ question, value, change, aria }: ControlProps) {
  const items = Array.isArray(value) ? (value as readonly string[]) : [];
  if (question.type === "select") return <ChoicesControl question={question} items={items} change={change} aria={aria} />;
  return (
    <textarea
      {...aria}
      rows={3}
      placeholder={question.placeholder ?? "One per line"}
      value={items.join("\n")}
      onInput={(event) => change(event.currentTarget.value.split("\n"))}
    />
  );
}

interface ChoicesControlProps extends Pick<ControlProps, "question" | "change" | "aria"> {
  readonly items: readonly string[];
}

function ChoicesControl({ question, items, change, aria }: ChoicesControlProps) {
  const { id, ...rest } = aria;
  return (
    <fieldset {...rest} id={String(id)} class="choices" tabIndex={-1} aria-label={question.label}>
      {(question.options ?? []).map((option) => {
        const text = String(option.value);
        return (
          <label key={text}>
            <input
              type="checkbox"
              checked={items.includes(text)}
              onChange={(event) => change(event.currentTarget.checked ? [...items, text] : items.filter((item) => item !== text))}
            />
            {option.label}
          </label>
        );
      })}
    </fieldset>
  );
}
