import { type Bounds, type Captures, compilePattern } from "@jackfield/manifest";
import { JackfieldError } from "../errors.ts";
import { evaluate } from "../request/hole.ts";

const maxLength = 500;

/**
 * Whether a value from outside is what the manifest allows: it may become part of a URL that a secret is sent to. Undefined where it is
 * missing and need not be there. Throws `capture_missing`, `capture_refused`.
 */
export function bounded(name: string, value: unknown, bounds: Bounds): string | undefined {
  const text = typeof value === "number" && Number.isFinite(value) ? String(value) : value;
  if (text === undefined || text === null || text === "") {
    if (!bounds.required) return undefined;
    throw new JackfieldError("capture_missing", { detail: `The provider's answer holds no ${name}.` });
  }
  const fits =
    typeof text === "string" &&
    text.length <= maxLength &&
    (bounds.options === undefined || bounds.options.includes(text)) &&
    (bounds.pattern === undefined || compilePattern(bounds.pattern).matches(text));
  if (!fits) throw new JackfieldError("capture_refused", { detail: `What the provider gives as ${name} is not what it may be.` });
  return text;
}

/**
 * Reads what the manifest keeps of an answer. `required` false: nothing need be there, as at a refresh. What is kept is no secret, so
 * that it may hold none of `secrets`. Throws as `bounded`.
 */
export async function capture(
  captures: Captures,
  root: unknown,
  required: boolean,
  secrets: readonly unknown[],
): Promise<Record<string, string>> {
  const kept: Record<string, string> = {};
  for (const [name, declared] of Object.entries(captures)) {
    const bounds = required ? declared : { ...declared, required: false };
    const value = bounded(name, await evaluate(declared.value, root), bounds);
    if (value === undefined) continue;
    if (secrets.some((secret) => typeof secret === "string" && secret !== "" && value.includes(secret)))
      throw new JackfieldError("capture_refused", { detail: `What the provider gives as ${name} holds a token.` });
    kept[name] = value;
  }
  return kept;
}
