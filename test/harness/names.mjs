// @ts-check
/*
 * Preloaded into a process (`NODE_OPTIONS=--import …`), it makes that process's DNS know the names of the file NAMES_FILE: a JSON map from
 * a name to the lists of addresses that are given one after another, the last one for ever. All other names are looked up as always.
 */

import dns from "node:dns/promises";
import { readFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { isIP } from "node:net";

// biome-ignore lint/suspicious/noUndeclaredEnvVars: the tests are no task of turbo.
/** @type {Record<string, string[][]>} */ const names = JSON.parse(readFileSync(process.env.NAMES_FILE ?? "", "utf8"));
/** @type {Map<string, number>} */
const asked = new Map();
const real = dns.lookup;

/** @param {string} host @param {any[]} rest */
function lookup(host, ...rest) {
  const lists = Object.hasOwn(names, host) ? names[host] : undefined;
  if (lists === undefined) return /** @type {any} */ (real)(host, ...rest);
  const turn = asked.get(host) ?? 0;
  asked.set(host, turn + 1);
  const list = lists[Math.min(turn, lists.length - 1)] ?? [];
  return Promise.resolve(list.map((address) => ({ address, family: isIP(address) })));
}

dns.lookup = /** @type {typeof dns.lookup} */ (lookup);
syncBuiltinESMExports();
