import { isDeepStrictEqual } from "node:util";
import type { Auth, Connector, Field, Template } from "@jackfield/manifest";
import { JackfieldError } from "../errors.ts";
import type { Runtime } from "../runtime.ts";
import { checkForm, type Question, refuseWhitespace } from "./form.ts";
import { fieldsNamed, isOutdated, type OpenConnection } from "./open.ts";

type Fields = Readonly<Record<string, unknown>>;

/**
 * The fields of an auth block, checked. A field of type `environment` takes the name of one, and no other than `environment` where that
 * is settled. Throws as `checkForm`, and `whitespace_in_credential`.
 */
export async function checkFields(
  { plainHttp }: Pick<Runtime, "plainHttp">,
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
  const fields = await checkForm("fields", questions, given, plainHttp);
  joinable(auth, fields);
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
 * The fields of a connection with some of them changed, by the connector and auth block of now. What decides where requests go, a field
 * or a newer version of the block, takes the stored secrets with it only if whoever changes it knows them: they were given for another
 * place. Throws as `checkFields`, and `field_required` for such a secret.
 */
export async function changeFields(
  runtime: Pick<Runtime, "plainHttp">,
  opened: OpenConnection,
  changed: Fields,
): Promise<Record<string, unknown>> {
  const { connector, auth, fields, record } = opened;
  const moved = [...steering(auth)].find(
    (name) => Object.hasOwn(changed, name) && !isDeepStrictEqual(changed[name], fields[name]),
  );
  // What was sealed is a secret, whatever a newer version calls it.
  const isSecret = ({ name, secret }: Field): boolean => secret || !Object.hasOwn(record.fields, name);
  const kept = auth.fields.find(
    (field) => fields[field.name] !== undefined && !Object.hasOwn(changed, field.name) && isSecret(field),
  );
  const outdated = isOutdated(auth, record);
  if (kept !== undefined && (outdated || moved !== undefined)) {
    const why = outdated ? "the connector has changed since it was given" : `${moved} decides where it is sent`;
    throw new JackfieldError("field_required", {
      detail: `${kept.label} must be given again, because ${why}.`,
      members: { field: kept.name },
    });
  }
  const asked = new Set(auth.fields.map(({ name }) => name));
  const stored = Object.entries(fields).filter(([name]) => asked.has(name));
  return checkFields(runtime, connector, auth, { ...Object.fromEntries(stored), ...changed }, record.environment);
}

/**
 * URLs that paths are joined to, or that others are compared with, have no query, and no slash at their end, so that an account whose id
 * is made of one is one. Throws `field_invalid`.
 */
function joinable(auth: Auth, fields: Record<string, unknown>): void {
  const joined = new Set([auth.base_url, ...auth.whitelist].flatMap(({ source }) => fieldsNamed(source)));
  for (const { name, label, type, list } of auth.fields) {
    if (type !== "url" || !joined.has(name) || fields[name] === undefined) continue;
    const urls = ([fields[name]].flat() as string[]).map((url) => {
      if (!url.includes("?")) return url.replace(/\/+$/, "");
      throw new JackfieldError("field_invalid", { detail: `${label}: must have no query.`, members: { field: name } });
    });
    fields[name] = list ? urls : urls[0];
  }
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
