import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { type Answer, heard } from "./http.ts";

interface Operation {
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, { readonly schema?: unknown }>> }>>;
}

export interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

/** Compares answers with what the OpenAPI document promises. Gives what does not fit, in words. */
export function checkAnswers(document: Document, answers: readonly Answer[] = heard): string[] {
  const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false });
  ajv.addSchema(document, "openapi");
  const compiled = new Map<string, ValidateFunction>();
  const routes = Object.keys(document.paths)
    .map((template) => ({ template, pattern: routePattern(template) }))
    // The most literal template first, as routers do.
    .sort((a, b) => holes(a.template) - holes(b.template));
  const complaints = new Set<string>();

  const validator = (pointer: string): ValidateFunction => {
    const known = compiled.get(pointer) ?? ajv.compile({ $ref: `openapi#${pointer}` });
    compiled.set(pointer, known);
    return known;
  };

  for (const answer of answers) {
    const path = answer.target.replace(/\?.*$/s, "");
    const route = routes.find(({ pattern }) => pattern.test(path));
    if (!route) continue;
    const method = answer.method.toLowerCase();
    const operation = document.paths[route.template]?.[method];
    if (!operation) continue;
    const where = `${answer.method} ${route.template} → ${answer.status}`;
    const status = [String(answer.status), `${String(answer.status)[0]}XX`, "default"].find((key) => key in operation.responses);
    if (!status) {
      complaints.add(`${where}: this status is not documented`);
      continue;
    }
    const content = operation.responses[status]?.content;
    const type = String(answer.headers["content-type"] ?? "").replace(/;.*$/s, "");
    if (answer.body.length === 0 || !content) continue;
    if (!(type in content)) {
      complaints.add(`${where}: content type ${type} is not documented`);
      continue;
    }
    if (!content[type]?.schema || !/[/+]json$/.test(type)) continue;
    const pointer = ["paths", route.template, method, "responses", status, "content", type, "schema"]
      .map((part) => `/${encodeURIComponent(part.replaceAll("~", "~0").replaceAll("/", "~1"))}`)
      .join("");
    const valid = validator(pointer);
    if (!valid(answer.json)) complaints.add(`${where}: ${ajv.errorsText(valid.errors)}\n${answer.text.slice(0, 400)}`);
  }
  return [...complaints];
}

const holes = (template: string) => template.split("{").length;

function routePattern(template: string): RegExp {
  const parts = template
    .split(/(\{[^}]+\})/)
    .map((part) => (part.startsWith("{") ? "[^/]+" : part.replace(/[.*+?^$()|[\]\\]/g, "\\$&")));
  return new RegExp(`^${parts.join("")}$`);
}
