import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";

const root = process.cwd();

/** Which packages of ours a package may import; the arrows of ARCHITECTURE.md. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  manifest: [],
  engine: ["manifest"],
  sandbox: [],
  server: ["manifest", "engine", "sandbox"],
  cli: ["manifest", "engine", "server", "client"],
  web: [],
  client: [],
};

/** Inside the engine: step → connection → grant, never back. */
const layers = ["step", "connection", "grant"];

/** What the runtime may not know: frameworks, databases and the environment belong to the host. */
const notInEngine = ["express", "mongodb", "bullmq", "ioredis", "libsql", "pino"];

const packages = readdirSync(join(root, "packages")).filter((name) => existsSync(join(root, "packages", name, "src")));

function sources(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.(ts|tsx|js|mjs)$/.test(name))
    .map((name) => join(folder, name));
}

const filesOf = (name: string) => sources(join(root, "packages", name, "src"));

/** Everything that a file imports, re-exports or loads, as it is written. */
function importsOf(file: string): string[] {
  const text = readFileSync(file, "utf8");
  return [
    ...text.matchAll(/^\s*(?:import|export)\s[^;'"]*?from\s*["']([^"']+)["']/gm),
    ...text.matchAll(/^\s*import\s*["']([^"']+)["']/gm),
    ...text.matchAll(/\bimport\(\s*["']([^"']+)["']/g),
    ...text.matchAll(/\brequire\(\s*["']([^"']+)["']/g),
  ].map((match) => match[1] ?? "");
}

const shown = (file: string) => relative(root, file);

test("each package is known here", () => {
  expect(packages.filter((name) => !(name in mayImport))).toEqual([]);
});

test.each(packages)("%s imports only the packages that its arrows point to", (name) => {
  const wrong = filesOf(name).flatMap((file) =>
    importsOf(file).flatMap((target) => {
      const other = /^@jackfield\/([a-z]+)/.exec(target)?.[1];
      if (other !== undefined && !mayImport[name]?.includes(other)) return [`${shown(file)} imports ${target}`];
      const inside = !target.startsWith(".") || resolve(dirname(file), target).startsWith(join(root, "packages", name));
      return inside ? [] : [`${shown(file)} reaches out with ${target}`];
    }),
  );
  expect(wrong).toEqual([]);
});

test("inside the engine imports go from step to connection to grant, never back", () => {
  const source = join(root, "packages/engine/src");
  const layerOf = (file: string) => layers.indexOf(relative(source, file).split("/")[0] ?? "");
  const wrong = filesOf("engine").flatMap((file) => {
    const own = layerOf(file);
    return importsOf(file).flatMap((target) => {
      if (own < 0 || !target.startsWith(".")) return [];
      const other = layerOf(resolve(dirname(file), target));
      return other >= 0 && other < own ? [`${shown(file)} imports ${target}`] : [];
    });
  });
  expect(wrong).toEqual([]);
});

test("the engine knows no framework, no database and no environment", () => {
  const wrong = filesOf("engine").flatMap((file) => [
    ...importsOf(file)
      .filter((target) => notInEngine.includes(target))
      .map((target) => `${shown(file)} imports ${target}`),
    ...(/\bprocess\.env\b/.test(readFileSync(file, "utf8")) ? [`${shown(file)} reads process.env`] : []),
  ]);
  expect(wrong).toEqual([]);
});

test("the manifest language is pure: no network, no clock, no environment", () => {
  const wrong = filesOf("manifest").flatMap((file) => {
    const text = readFileSync(file, "utf8");
    return [
      ...importsOf(file).filter((target) => /^(node:)?(http|https|http2|net|tls|dns|fs|undici|child_process)(\/|$)/.test(target)),
      ...(text.match(/\bprocess\.env\b|\bfetch\(/g) ?? []),
    ].map((what) => `${shown(file)}: ${what}`);
  });
  expect(wrong).toEqual([]);
});

test("no code names a connector: a provider's oddity is a manifest's field", () => {
  const connectors = readdirSync(join(root, "connectors"), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name);
  // The demonstration provider is part of the product, and its connector has its name.
  const named = connectors.filter((name) => name !== "sandbox");
  const wrong = packages.flatMap((name) =>
    filesOf(name).flatMap((file) => {
      // OpenAPI's word for how an API key is sent is no connector's name.
      const text = readFileSync(file, "utf8").replace('type: "http", scheme: "bearer"', "");
      return named
        .filter((connector) => new RegExp(`(["'\`])${connector}\\1`).test(text))
        .map((connector) => `${shown(file)}: "${connector}"`);
    }),
  );
  expect(wrong).toEqual([]);
});

test("no folder or file is called utils, helpers, common, shared or core", () => {
  const forbidden = /(^|\/)(utils?|helpers?|common|shared|core)(\.[a-z]+)*(\/|$)/;
  const wrong = [...packages.flatMap(filesOf), ...sources(join(root, "test"))].map(shown).filter((file) => forbidden.test(file));
  expect(wrong).toEqual([]);
});
