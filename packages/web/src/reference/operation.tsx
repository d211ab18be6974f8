import { useState } from "preact/hooks";
import type { Described, Document } from "./document.ts";
import { Member, Members } from "./members.tsx";

interface OperationProps {
  readonly document: Document;
  readonly operation: Described;
}

/** One route with one method: closed, what it is; open, what it takes, answers, and who may use it. */
export function OperationView({ document, operation }: OperationProps) {
  const [open, setOpen] = useState(false);
  const { method, path, summary, operationId } = operation;
  return (
    <li class="operation">
      <details onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>
          <span class="method" data-method={method}>
            {method.toUpperCase()}
          </span>
          <code>{path}</code>
          <span class="soft">{summary}</span>
        </summary>
        {open ? <Opened key={operationId} document={document} operation={operation} /> : null}
      </details>
    </li>
  );
}

function Opened({ document, operation }: OperationProps) {
  const { description, operationId, parameters, requestBody, responses, "x-roles": roles } = operation;
  return (
    <div class="operation-body">
      {description ? <p>{description}</p> : null}
      <p class="soft">
        <code>{operationId}</code> · {roles === undefined ? "Anybody may use it." : `For ${roles.map(roleName).join(", ")}.`}
      </p>
      {parameters.length > 0 ? (
        <>
          <h4>Parameters</h4>
          <ul class="members">
            {parameters.map(({ name, in: place, required, description: words, schema }) => (
              <Member
                key={`${place} ${name}`}
                document={document}
                name={`${name} (${place})`}
                schema={words === undefined ? schema : { ...schema, description: words }}
                required={required}
              />
            ))}
          </ul>
        </>
      ) : null}
      {requestBody ? (
        <>
          <h4>Body</h4>
          {requestBody.description ? <p class="soft">{requestBody.description}</p> : null}
          <Contents document={document} content={requestBody.content} />
        </>
      ) : null}
      <h4>Answers</h4>
      {Object.entries(responses).map(([status, { description: words, content = {} }]) => (
        <div key={status} class="answer">
          <p>
            <code>{status === "default" ? "4xx, 5xx" : status}</code> {words}
          </p>
          <Contents document={document} content={content} />
        </div>
      ))}
    </div>
  );
}

const roleName = (role: string) => (role === "connect_session" ? "connect sessions" : role);

function Contents({
  document,
  content,
}: {
  readonly document: Document;
  readonly content: NonNullable<Described["requestBody"]>["content"];
}) {
  return (
    <>
      {Object.entries(content).map(([media, { schema }]) => (
        <div key={media}>
          <p class="soft">{media}</p>
          {schema === undefined || media === "application/problem+json" ? null : <Members document={document} schema={schema} />}
        </div>
      ))}
    </>
  );
}
