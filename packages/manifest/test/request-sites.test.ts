import { manifestSchema, type Schema } from "../src/json-schema.ts";
import { requestSites } from "../src/lint/request-sites.ts";
import { CheckedManifest } from "../src/lint/rule.ts";
import type { Manifest } from "../src/schema/manifest.ts";
import { Source } from "../src/source.ts";
import { Texts } from "../src/text.ts";

/** Where the schema has requests; `*` stands for any name and any number. */
function* requestsIn(schema: Schema, path: readonly string[] = []): Generator<string> {
  const { properties = {}, additionalProperties, items, anyOf = [], oneOf = [] } = schema;
  if (properties.path && properties.url && properties.encoding) yield path.join(".");
  for (const [key, inner] of Object.entries(properties)) yield* requestsIn(inner, [...path, key]);
  for (const inner of [additionalProperties, items]) if (typeof inner === "object") yield* requestsIn(inner, [...path, "*"]);
  for (const inner of [...anyOf, ...oneOf]) yield* requestsIn(inner, path);
}

const request = "request: { path: /x, method: POST }";
const after = `after_connect: [{ ${request} }], test: { ${request} }`;

const everyRequest = `
auth:
  oauth: { type: oauth2, token: { then: [{ ${request} }] }, revocation: { ${request} }, ${after} }
  own: { type: custom, token: { ${request}, then: [{ ${request} }] }, refresh: { ${request} }, revocation: { ${request} }, ${after} }
actions: { a: { ${request}, paginate: { ${request} } } }
options: { a: { ${request} } }
triggers:
  a: { type: polling, ${request} }
  b: { type: webhook, subscribe: { ${request} }, unsubscribe: { ${request} } }
services: { token_validation: { ${request} }, user_id_mapper: { ${request} } }
`;

const ids: ReadonlySet<unknown> = new Set(["auth", "actions", "options", "triggers"]);

test("the linter looks at every request that the language knows", () => {
  const { data } = new Source(everyRequest, "connector.yaml");
  const sites = requestSites(new CheckedManifest(data as Manifest, new Texts(data), undefined, () => false));
  const seen = sites.map(({ path }) =>
    path.map((step, index) => (typeof step === "number" || (index === 1 && ids.has(path[0])) ? "*" : step)).join("."),
  );
  expect([...new Set(seen)].sort()).toEqual([...new Set(requestsIn(manifestSchema))].sort());
});

test("only the requests that lead to the token go without the credential", () => {
  const { data } = new Source(everyRequest, "connector.yaml");
  const sites = requestSites(new CheckedManifest(data as Manifest, new Texts(data), undefined, () => false));
  expect(sites.filter(({ credential }) => !credential).map(({ path }) => path.join("."))).toEqual([
    "auth.oauth.token.then.0.request",
    "auth.own.token.then.0.request",
    "auth.own.token.request",
    "auth.own.refresh.request",
  ]);
});
