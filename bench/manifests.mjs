// @ts-check
/*
 * Manifests parsed, validated and compiled: a folder full of connectors, as a server reads it when it starts. Two thousand
 * milliseconds and 250 MB are allowed for a thousand connectors of about 125 lines.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { compile } from "@jackfield/manifest";
import { parseDocument } from "yaml";

const connectors = fileURLToPath(new URL("../connectors", import.meta.url));
const allowed = { milliseconds: 2000, megabytes: 250 };

/** The connector whose length is nearest to what connectors mostly have, of those that stand alone. Nothing is compiled yet. */
function usualConnector() {
  const names = readdirSync(connectors, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const distance = (/** @type {string} */ text) => Math.abs(text.split("\n").length - 125);
  const [usual] = names
    .map(({ name }) => ({ name, text: readFileSync(join(connectors, name, "connector.yaml"), "utf8") }))
    .filter(({ text }) => !/^extends:/m.test(text))
    .sort((a, b) => distance(a.text) - distance(b.text) || (a.name < b.name ? -1 : 1));
  if (!usual) throw new Error(`There is no connector in ${connectors}.`);
  return usual;
}

/** Copies that differ in their name, which mostly is part of their URLs. @param {number} count */
function copies(count) {
  const { name, text } = usualConnector();
  const word = new RegExp(`(?<=^name: |[/.])${name}\\b`, "gm");
  return Array.from({ length: count }, (_, number) => {
    const own = `${name}-${number}`;
    return { folder: own, text: text.replace(word, own).replace(/^name: .*$/m, `name: ${own}`) };
  });
}

/** @type {import("./run.mjs").Measure} */
export async function measure(count) {
  const manifests = copies(count);
  globalThis.gc?.();
  const before = process.memoryUsage.rss();
  const cpuBefore = process.cpuUsage();
  const began = performance.now();
  const compiled = manifests.map(({ folder, text }) => compile(text, { file: `${folder}/connector.yaml`, folder }));
  const wall = performance.now() - began;
  const { user, system } = process.cpuUsage(cpuBefore);
  const growth = (process.memoryUsage.rss() - before) / 1e6;
  const wrong = compiled.find(({ connector }) => !connector);
  if (wrong) throw new Error(`A copy does not compile: ${wrong.problems[0]?.message}`);

  const parsing = performance.now();
  for (const { text } of manifests) parseDocument(text);
  const parsed = performance.now() - parsing;
  const many = count.toLocaleString("en");
  const share = Math.max(1, count / 1000);
  return [
    { what: `${many} manifests: time`, ratio: wall / (allowed.milliseconds * share), against: "2 s per 1,000", budget: 1 },
    { what: `${many} manifests: time of all cores`, ratio: (user + system) / 1000 / wall, against: "one core" },
    { what: `${many} manifests: time`, ratio: wall / parsed, against: "yaml's parseDocument alone" },
    { what: `${many} manifests: memory`, ratio: growth / (allowed.megabytes * share), against: "250 MB per 1,000", budget: 1 },
  ];
}
