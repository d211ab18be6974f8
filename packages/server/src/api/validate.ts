import type { IncomingHttpHeaders } from "node:http";
import { JackfieldError } from "@jackfield/engine";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import type { TSchema } from "typebox";
import { patternWords } from "./schemas.ts";

/** Where a value stands in the request, as the caller is told. */
export type Part = "path" | "query" | "header" | "body";

export type Check = (value: unknown) => unknown;

const options = { strict: true, allowUnionTypes: true, ownProperties: true, useDefaults: false, validateFormats: false } as const;
// One mistake at a time: a body is somebody else's, and a million mistakes would be a million objects.
const exact = new Ajv2020(options);
/** Paths and queries are texts: `10` becomes a number where one is asked for. */
const coercing = new Ajv2020({ ...options, coerceTypes: true });

/** Makes the check of a schema, once. The check throws `request_invalid` with the place. */
export function checkOf(part: Part, schema: TSchema): Check {
  const validate = (part === "body" ? exact : coercing).compile(schema);
  return (value) => {
    if (validate(value)) return part === "body" ? value : finite(part, value as object);
    throw new JackfieldError("request_invalid", mistake(part, validate));
  };
}

/** A text such as `1e999` becomes infinite, which no bound of a schema is held against. Throws `request_invalid`. */
function finite(part: Part, values: object): object {
  const [field] = Object.entries(values).find(([, value]) => typeof value === "number" && !Number.isFinite(value)) ?? [];
  if (field === undefined) return values;
  throw new JackfieldError("request_invalid", {
    detail: `${part}: ${field} is too large a number.`,
    members: { in: part, field },
  });
}

function mistake(part: Part, { errors }: ValidateFunction) {
  const [error] = errors ?? [];
  const place = (error?.instancePath ?? "").slice(1).replaceAll("/", ".");
  const { additionalProperty, missingProperty, allowedValues, pattern } = (error?.params ?? {}) as Record<string, unknown>;
  const field = [place, additionalProperty ?? missingProperty].filter((name) => name !== undefined && name !== "").join(".");
  const words =
    additionalProperty !== undefined
      ? "is not known here"
      : missingProperty !== undefined
        ? "is missing"
        : Array.isArray(allowedValues)
          ? `must be one of ${allowedValues.join(", ")}`
          : (patternWords[String(pattern)] ?? error?.message ?? "does not fit");
  return {
    detail: `${field === "" ? `The ${part}` : `${part}: ${field}`} ${words}.`,
    members: field === "" ? { in: part } : { in: part, field },
  };
}

/** The headers that a schema names, as an object of texts. */
export function headersOf(schema: TSchema, headers: IncomingHttpHeaders): Record<string, string> {
  const { properties = {} } = schema as { readonly properties?: object };
  const given = Object.keys(properties).map((name) => [name, headers[name]] as const);
  return Object.fromEntries(given.filter((entry): entry is [string, string] => typeof entry[1] === "string"));
}

/** A query as an object of texts. Throws `request_invalid` for a parameter that is given twice. */
export function queryOf(url: string): Record<string, string> {
  const mark = url.indexOf("?");
  const values: Record<string, string> = Object.create(null) as Record<string, string>;
  for (const [name, value] of new URLSearchParams(mark < 0 ? "" : url.slice(mark + 1))) {
    if (Object.hasOwn(values, name)) {
      throw new JackfieldError("request_invalid", {
        detail: `query: ${name} is given more than once.`,
        members: { in: "query", field: name },
      });
    }
    values[name] = value;
  }
  return values;
}
