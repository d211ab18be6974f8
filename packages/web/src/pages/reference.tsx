import { useState } from "preact/hooks";
import { type ConnectorSummary, call, type List, path } from "../api.ts";
import { useLoaded } from "../loaded.ts";
import { type Document, type ErrorCode, operationsOf } from "../reference/document.ts";
import { OperationView } from "../reference/operation.tsx";
import { navigate } from "../router.ts";
import { useSession } from "../session.ts";
import { CopyField } from "../ui/copy.tsx";
import { Page } from "../ui/page.tsx";
import { Empty, Show } from "../ui/show.tsx";

/** Where the reference of the platform stands, or that of a connector's actions. */
export const referencePlace = (connector = "") => (connector === "" ? "/api" : `/api/${encodeURIComponent(connector)}`);

const documentPath = (connector: string) => (connector === "" ? "/openapi.json" : path("connectors", connector, "openapi.json"));

/** What programs can ask of this deployment, as its OpenAPI documents tell it. */
export function ReferencePage({ connector = "" }: { readonly connector?: string }) {
  const loading = useLoaded(() => call<Document>("GET", documentPath(connector)), connector);
  return <Show loading={loading}>{(document) => <ReferenceView document={document} connector={connector} />}</Show>;
}

interface ReferenceProps {
  readonly document: Document;
  readonly connector: string;
}

function ReferenceView({ document, connector }: ReferenceProps) {
  const { mayRun } = useSession();
  const [search, setSearch] = useState("");
  const { info, tags, "x-error-codes": codes } = document;
  const groups = tags.map((tag) => ({ ...tag, operations: operationsOf(document, tag.name, search) }));
  const shown = groups.filter(({ operations }) => operations.length > 0);
  return (
    <Page
      title={connector === "" ? "API" : `${info.title}: actions`}
      lead={
        <>
          Version {info.version}. Generate a client from{" "}
          <a href={documentPath(connector)} data-route="server">
            the OpenAPI document
          </a>
          .
        </>
      }
      above={connector === "" ? [] : [{ href: referencePlace(), title: "API" }]}
    >
      <div class="toolbar">
        <ConnectorChoice connector={connector} />
        <div class="field">
          <label for="operation-search">Find</label>
          <input id="operation-search" type="search" value={search} onInput={(event) => setSearch(event.currentTarget.value)} />
        </div>
      </div>
      {mayRun ? <ForModels connector={connector} /> : null}
      {shown.length === 0 ? <Empty icon="search" title="No operation has that in its name or path." /> : null}
      {shown.map(({ name, description, operations }) => (
        <section key={name} aria-label={name}>
          <h2>{name}</h2>
          <p class="soft">{description}</p>
          <ul class="operations">
            {operations.map((operation) => (
              <OperationView key={`${operation.method} ${operation.path}`} document={document} operation={operation} />
            ))}
          </ul>
        </section>
      ))}
      {codes === undefined ? null : <Codes codes={codes} search={search} />}
    </Page>
  );
}

/** The platform, or one connector of it. */
function ConnectorChoice({ connector }: { readonly connector: string }) {
  const { loaded } = useLoaded(() => call<List<ConnectorSummary>>("GET", path("connectors")), "connectors");
  const connectors = loaded.state === "ready" ? loaded.value.items : [];
  return (
    <div class="field">
      <label for="reference-of">Show</label>
      <select id="reference-of" value={connector} onChange={(event) => navigate(referencePlace(event.currentTarget.value))}>
        <option value="">The platform</option>
        {connectors.map(({ name, title }) => (
          <option key={name} value={name}>
            {title}
          </option>
        ))}
      </select>
    </div>
  );
}

/** What somebody pastes who wants a language model to use the actions. */
function ForModels({ connector }: { readonly connector: string }) {
  const query = connector === "" ? "" : `?connector=${encodeURIComponent(connector)}`;
  return (
    <section class="panel" aria-label="For language models">
      <CopyField id="mcp-url" label="MCP server, for language models" text={`${location.origin}/mcp${query}`} />
      <p class="help">
        Streamable HTTP, with an API key as bearer token: the actions of the connections that the key reaches are tools.
      </p>
    </section>
  );
}

function Codes({ codes, search }: { readonly codes: Readonly<Record<string, ErrorCode>>; readonly search: string }) {
  const words = search.trim().toLowerCase();
  const found = Object.entries(codes).filter(([code, { message }]) => `${code} ${message}`.toLowerCase().includes(words));
  if (found.length === 0) return null;
  return (
    <section aria-label="Error codes">
      <h2>Error codes</h2>
      <p class="soft">Every error is application/problem+json (RFC 9457) with one of these as its code.</p>
      <div class="table-wrap">
        <table class="table">
          <thead>
            <tr>
              <th scope="col">Code</th>
              <th scope="col">Status</th>
              <th scope="col">Who can act</th>
              <th scope="col">What it means, and what to do</th>
            </tr>
          </thead>
          <tbody>
            {found.map(([code, { status, audience, message, hint }]) => (
              <tr key={code}>
                <td>
                  <code>{code}</code>
                </td>
                <td>{status}</td>
                <td>{audience}</td>
                <td>
                  {message} <span class="soft">{hint}</span>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
