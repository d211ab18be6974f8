import type { Auth, Connector, Template } from "@jackfield/manifest";
import { JackfieldError } from "../errors.ts";
import { checkForm, type Question, refuseWhitespace } from "./form.ts";
import type { OpenConnection } from "./open.ts";

type Fields = Readonly<Record<string, unknown>>;

/**
 * The fields of an auth block, checked. A field of type `environment` takes the name of one, and no other than `environment` where that
 * is settled. Throws as `checkForm`, and `whitespace_in_credential`.
 */
export async function checkFields(
  connector: Connector,
  auth: Auth,
  given: unknown,
  environment?: string,
): Promise<Record<string, unknown>> {
  const names = environment === undefined ? Object.keys(connector.environments) : [environment];
  const options = names.map((name) => ({ label: name, value: name }));
  const questions = auth.fields.map((field): [string, Question] => [
    field.name,
    field.type === "environment"
      ? { ...field, type: "select", options, ...(environment === undefined ? {} : { default: environment }) }
      : field,
  ]);
  const fields = await checkForm("fields", questions, given);
  for (const { name, secret, type } of auth.fields) {
    if (secret || name === "client_id") refuseWhitespace(name, fields[name], type);
  }
  return fields;
}

/** The environment that a field of that type names. */
export function environmentIn(auth: Auth, fields: unknown): string | undefined {
  const field = auth.fields.find(({ type }) => type === "environment");
  const value = field && fields !== null && typeof fields === "object" ? (fields as Fields)[field.name] : undefined;
  return typeof value === "string" && value !== "" ? value : undefined;
}

/**
 * The fields of a connection with some of them changed. One that decides where requests go takes the stored secrets with it only if
 * whoever changes it knows them: they were given for another place. Throws as `checkFields`, and `field_required` for such a secret.
 */
export async function changeFields(opened: OpenConnection, changed: Fields): Promise<Record<string, unknown>> {
  const { connector, auth, fields, record } = opened;
  const moved = [...steering(auth)].find((name) => Object.hasOwn(changed, name) && changed[name] !== fields[name]);
  const kept = auth.fields.find(({ name, secret }) => secret && fields[name] !== undefined && !Object.hasOwn(changed, name));
  if (moved !== undefined && kept !== undefined) {
    throw new JackfieldError("field_required", {
      detail: `${kept.label} must be given again, because ${moved} decides where it is sent.`,
      members: { field: kept.name },
    });
  }
  return checkFields(connector, auth, { ...fields, ...changed }, record.environment);
}

/** The fields that stand in a URL to which a credential or a secret is sent. */
function steering(auth: Auth): ReadonlySet<string> {
  const named = [...auth.whitelist, ...urlsIn(auth)]
    .flatMap((url) => url.parts)
    .flatMap((part) => (typeof part === "string" ? [] : fieldsNamed(part.source)));
  return new Set(named);
}

/** Every URL that an auth block's requests may go to, wherever in it: `url`, or below its `base_url`. */
function urlsIn(block: object): readonly Template[] {
  return Object.entries(block).flatMap(([key, value]) => {
    if (typeof value !== "object" || value === null || "evaluate" in value) return [];
    if (!("parts" in value && "render" in value)) return urlsIn(value);
    return key === "url" || key === "base_url" ? [value as Template] : [];
  });
}

function fieldsNamed(expression: string): string[] {
  return [...expression.matchAll(/\bfields\s*\.\s*(?:`([^`]+)`|([A-Za-z_]\w*))/g)].map(
    ([, quoted, plain]) => quoted ?? plain ?? "",
  );
}
