// Which operation says whose credential it is, and what of its answer names the account.

import { shortened } from "../identifier.ts";
import type { Operation } from "./action.ts";
import { type Document, listOf, type Node, nodeOf } from "./document.ts";
import { merged } from "./input.ts";

export interface Me {
  readonly request: object;
  readonly label: string | object;
  readonly uniqueId: string;
}

/** Paths that answer who is signed in, the best first. */
const telling = [
  /\/(me|whoami|self|myself|userinfo)$/i,
  /\/(users?|accounts?|profile|session|team|workspace|organi[sz]ation)s?\/(me|self|current)$/i,
  /\/(current_?user|user|account|profile|session|organi[sz]ation|workspace|team)$/i,
  /\/(status|ping|health|version|verify|check)$/i,
];

const needsNothing = ({ method, path, parameters }: Operation) =>
  method === "GET" && !path.includes("{") && !parameters.some(({ required }) => required === true);

/** Neither test, label nor unique id stand in an OpenAPI document: they are guessed, and the notes say so. */
export function meOf(document: Document, operations: readonly Operation[], title: string): Me {
  const able = operations.filter(needsNothing);
  const best = telling.flatMap((pattern) => able.filter(({ path }) => pattern.test(path)))[0];
  const chosen = best ?? able[0];
  if (chosen === undefined)
    document.notes.add("test", "no operation can be called without parameters; GET / is the test call: replace it");
  else document.notes.add("test", `${chosen.method} ${chosen.path} is the test call: check that it says whose credential it is`);
  const properties = best === undefined ? {} : propertiesOf(document, best.node);
  const id = ["id", "uuid", "user_id", "userId", "account_id", "accountId", "sub", "uid"].find((name) =>
    Object.hasOwn(properties, name),
  );
  const name = ["name", "display_name", "displayName", "full_name", "login", "username", "title", "email"].find((key) =>
    Object.hasOwn(properties, key),
  );
  if (id === undefined) document.notes.add("unique_id", "nothing tells accounts apart, so that each connection is its own");
  const fallback = shortened(`${title} {{ connection.short_id }}`, 200);
  return {
    request: { path: chosen === undefined ? "/" : chosen.path },
    label: name === undefined ? "Connection {{ connection.short_id }}" : { template: `{{ me.${name} }}`, fallback },
    uniqueId: id === undefined ? "connection.id" : `me.${id}`,
  };
}

function propertiesOf(document: Document, node: Node): Node {
  const [, response] = Object.entries(nodeOf(node.responses)).find(([status]) => status.startsWith("2")) ?? [];
  const media = Object.values(nodeOf(document.resolve(response).content))[0];
  const schema = merged(document, nodeOf(media).schema);
  return listOf(schema.oneOf).length > 0 ? {} : nodeOf(schema.properties);
}
