import { useState } from "preact/hooks";
import { type Document, inner, type Schema, typeOf } from "./document.ts";

interface MembersProps {
  readonly document: Document;
  readonly schema: Schema;
}

/** The members of an object, each with what it is; objects within are opened one by one. */
export function Members({ document, schema }: MembersProps) {
  const { properties = {}, required = [] } = inner(document, schema) ?? {};
  const entries = Object.entries(properties);
  if (entries.length === 0) return <p class="soft">{typeOf(schema)}</p>;
  return (
    <ul class="members">
      {entries.map(([name, member]) => (
        <Member key={name} document={document} name={name} schema={member} required={required.includes(name)} />
      ))}
    </ul>
  );
}

interface MemberProps extends MembersProps {
  readonly name: string;
  readonly required: boolean;
}

export function Member({ document, name, schema, required }: MemberProps) {
  const [open, setOpen] = useState(false);
  const words = schema.description ?? (schema.$ref === undefined ? undefined : inner(document, schema)?.description);
  return (
    <li>
      <p>
        <code>{name}</code> <span class="soft">{typeOf(schema)}</span>
        {required ? <span class="tag">required</span> : null}
        {schema.default === undefined ? null : <span class="soft"> default {JSON.stringify(schema.default)}</span>}
      </p>
      {schema.title && schema.title !== name ? <p>{schema.title}</p> : null}
      {words ? <p class="soft">{words}</p> : null}
      {inner(document, schema) === undefined ? null : (
        // What is closed is not made: a schema may hold itself.
        <details onToggle={(event) => setOpen(event.currentTarget.open)}>
          <summary>Members</summary>
          {open ? <Members document={document} schema={schema} /> : null}
        </details>
      )}
    </li>
  );
}
