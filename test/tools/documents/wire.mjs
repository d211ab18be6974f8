// @ts-check
/*
 * packages/client/src/wire.ts: what the API takes and answers, as types, from the schemas that check requests and make /openapi.json.
 */

/**
 * @typedef {typeof import("../../../packages/cli/src/client-types/typescript.ts")} Printer
 * @typedef {import("../../../packages/cli/src/client-types/typescript.ts").Schema} Schema
 * @typedef {import("../../../packages/server/src/api/route.ts").Route} Route
 */

/** What is answered where all went well. @param {Pick<Route, "answers">} route */
const successes = ({ answers }) => Object.entries(answers).flatMap(([status, answer]) => (Number(status) < 300 ? [answer] : []));

/** Text in, JSON or nothing out: what a client can call by an operation's name. @param {Route} route */
const isCallable = ({ method, body, answers }) =>
  typeof method === "string" &&
  (body === undefined || body.kind === "json" || body.kind === "yaml") &&
  successes({ answers }).every((answer) => !("media" in answer));

/**
 * @param {readonly Route[]} routes @param {Schema} problem What every error is. @param {readonly string[]} codes
 * @param {Printer} printer
 */
export function wire(routes, problem, codes, printer) {
  /** @type {Map<string, string>} */
  const named = new Map();
  /** @param {string} title @param {Schema} schema */
  const name = (title, schema) => {
    if (named.has(title)) return;
    // The place is kept before the schema is written, so that one which holds itself would end.
    named.set(title, "");
    named.set(
      title,
      `${printer.comment([schema.description])}export interface ${title} ${printer.bareType(schema, { named: name })}\n`,
    );
  };
  printer.typeOf(problem, { named: name });
  // Also what routes answer that are none of these.
  for (const { answers } of routes)
    for (const answer of Object.values(answers))
      if ("schema" in answer) printer.typeOf(/** @type {any} */ (answer.schema), { named: name });
  const callable = routes.filter(isCallable);
  const operations = callable.map((route) => operation(route, printer, name));
  const table = callable.map(({ id, method, path, body }) => {
    const media = body === undefined || body.kind === "json" ? [] : [`"application/yaml"`];
    return `  ${id}: [${[`"${method}"`, `"${path}"`, ...media].join(", ")}],\n`;
  });
  return `/*
 * What the API takes and answers. Made by \`npm run generate\` from the schemas that check requests and make /openapi.json, and from the
 * engine's table of errors.
 */

${[...named.entries()]
  .sort(([a], [b]) => (a < b ? -1 : 1))
  .map(([, text]) => text)
  .join("\n")}
/** What each operation takes and answers, by its operationId. */
export interface Operations {
${operations.join("")}}

/** Where each operation is found, and what its body is where that is not JSON. */
export const operations = {
${table.join("")}} as const satisfies Readonly<Record<keyof Operations, readonly [method: string, path: string, media?: string]>>;

/** Every code that an error of the API can have; ERRORS.md tells of each. */
export type ErrorCode =
${[...codes]
  .sort()
  .map((code) => `  | "${code}"`)
  .join("\n")};
`;
}

/** @param {Route} route @param {Printer} printer @param {(title: string, schema: Schema) => void} named */
function operation({ id, summary, params, query, body, answers }, printer, named) {
  const given = { given: true, named };
  const answered = successes({ answers }).flatMap((answer) => {
    if ("media" in answer) return [];
    return answer.schema === undefined ? "undefined" : printer.typeOf(/** @type {any} */ (answer.schema), { named }, "    ");
  });
  /** @param {unknown} schema */
  const input = (schema) => (schema === undefined ? "undefined" : printer.typeOf(/** @type {Schema} */ (schema), given, "    "));
  const bodyType = body === undefined ? "undefined" : body.kind === "json" ? input(body.schema) : "string";
  return `${printer.comment([summary], "  ")}  ${id}: {
    params: ${input(params)};
    query: ${input(query)};
    body: ${bodyType};
    answer: ${[...new Set(answered)].join(" | ")};
  };
`;
}
