// What a connection is called and what tells it from others. The source knows neither, so both are made of what it asks for.

import type { Draft } from "./draft.ts";
import type { AskedField } from "./fields.ts";

export interface Identity {
  readonly label: string | object | undefined;
  readonly uniqueId: string | undefined;
}

const naming =
  /domain|host|tenant|account|company|organi[sz]ation|^org|instance|site|shop|store|workspace|server|project|team|base_?url|_id$/;
const notNaming = /e_?mail|version|region|scope|environment/;

export function identity(draft: Draft, auth: Readonly<Record<string, unknown>>, title: string): Identity {
  if (auth.type === "none") return { label: undefined, uniqueId: undefined };
  const fields = draft.fields.all.filter(isNaming);
  const isOwnClient = (auth.client as { source?: string } | undefined)?.source === "connection";
  const users = draft.fields.all.filter(({ name, secret }) => secret === false && /^(user_?name|client_id)$/.test(name));
  const client = isOwnClient ? ["fields.client_id"] : auth.grant === "client_credentials" ? ["app.client_id"] : [];
  const known = [...new Set([...[...fields, ...users].map(({ name }) => `fields.${name}`), ...client])];
  const captured = draft.captures.all.filter(({ name }) => /(^|_)(id|owner|uid)$/.test(name)).slice(0, 1);
  // Several people of one tenant can sign in: what they typed does not tell them apart.
  const parts = isSignIn(auth) ? captured.map(({ source, name }) => `${source}.${name}`) : known;
  const names = fields.length > 0 ? fields : users;
  return { label: label(draft, names, title), uniqueId: uniqueId(draft, parts) };
}

const isSignIn = ({ type, grant }: Readonly<Record<string, unknown>>) => type === "oauth1" || grant === "authorization_code";

const isNaming = ({ name, secret, schema, positions, default: given }: AskedField): boolean =>
  secret === false &&
  given === undefined &&
  schema.enum === undefined &&
  (schema.optional === undefined || schema.optional === false) &&
  (positions.size > 0 || naming.test(name)) &&
  naming.test(name) &&
  !notNaming.test(name);

function label(draft: Draft, fields: readonly AskedField[], title: string): string | object {
  draft.notes.add("label", "made of what the person types; better take it from the test's answer, as `{{ me.… }}`");
  const short = "{{ connection.short_id }}";
  const [field] = fields;
  if (field === undefined) return `Connection ${short}`;
  return { template: `{{ fields.${field.name} }}`, fallback: `${title} ${short}` };
}

/** Captured and typed values are texts; `connection.id` keeps every connection apart from every other. */
function uniqueId(draft: Draft, parts: readonly string[]): string {
  if (parts.length > 0) {
    draft.notes.add(
      "unique_id",
      `${parts.join(", ")} is taken for what tells accounts apart; better take it from the test's answer`,
    );
    return parts.join(" & '/' & ");
  }
  draft.notes.add(
    "unique_id",
    "nothing tells accounts apart, so that each connection is its own; better take it from the test's answer",
  );
  return "connection.id";
}
