import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { variables } from "@jackfield/server";
import { parse } from "yaml";
import { createInProcessQueue } from "../packages/server/src/queue/in-process.ts";
import { openStore } from "../packages/server/src/store/sqlite.ts";
import { createMetrics } from "../packages/server/src/telemetry/metrics.ts";
import { type Family, readMetrics } from "./harness/prometheus.ts";

/*
 * No daemon runs these files here, so everything is checked that can be: that they are what their readers take, that nothing in them names
 * a variable or a metric that there is not, and that no secret has a value of its own.
 */

const folder = join(process.cwd(), "docker");
const read = (file: string) => readFileSync(join(folder, file), "utf8");

interface Service {
  readonly image?: string;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly depends_on?: Readonly<Record<string, unknown>> | readonly string[];
  readonly volumes?: readonly string[];
  readonly secrets?: readonly string[];
  readonly deploy?: { readonly replicas: number };
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
  readonly secrets?: Readonly<Record<string, { readonly environment: string }>>;
}

const composeFiles = ["compose.yaml", "compose.embedded.yaml"] as const;
const compose = (file: string): Compose => parse(read(file), { merge: true, strict: true });
const services = (file: string) => Object.entries(compose(file).services);

/** Every metric that a process serves, by its name. */
let families: ReadonlyMap<string, Family>;
/** The names of the labels that it may have. */
const labelsOf = new Map<string, readonly string[]>();

beforeAll(async () => {
  const store = openStore(":memory:");
  const queue = createInProcessQueue({ log: () => {} });
  const metrics = createMetrics({ store, queue, clock: Date.now, version: "0" });
  families = readMetrics(await metrics.text());
  for (const [name, labels] of Object.entries(metrics.labels)) labelsOf.set(name, labels);
  await queue.close();
  await store.close();
});

const everyFile = readdirSync(folder, { recursive: true, encoding: "utf8" });

test("every YAML and JSON file can be read", () => {
  for (const file of everyFile.filter((name) => /\.ya?ml$/.test(name))) parse(read(file), { merge: true, strict: true });
  for (const file of everyFile.filter((name) => name.endsWith(".json"))) JSON.parse(read(file));
  expect(everyFile.length).toBeGreaterThan(8);
});

describe.each(composeFiles)("%s", (file) => {
  test("names no service, volume, secret or file that is not there", () => {
    const { services: all, volumes, secrets = {} } = compose(file);
    const missing = Object.entries(all).flatMap(([name, service]) => {
      const needs = Array.isArray(service.depends_on) ? service.depends_on : Object.keys(service.depends_on ?? {});
      const mounts = (service.volumes ?? []).map((mount) => mount.split(":")[0] ?? "");
      return [
        ...needs.filter((other) => !Object.hasOwn(all, other)),
        ...mounts.filter((mount) => (mount.startsWith(".") ? !existsSync(join(folder, mount)) : !Object.hasOwn(volumes, mount))),
        ...(service.secrets ?? []).filter((secret) => !Object.hasOwn(secrets, secret)),
        ...(service.build === undefined ? [] : [join(folder, service.build.context, service.build.dockerfile)]).filter(
          (path) => !existsSync(path),
        ),
      ].map((what) => `${name}: ${what}`);
    });
    expect(missing).toEqual([]);
  });

  test("gives our own processes only variables that they know", () => {
    const known = new Set<string>(Object.values(variables).map(({ name }) => name));
    const ours = services(file).filter(([, { build }]) => build !== undefined);
    const given = ours.flatMap(([, { environment = {} }]) => Object.keys(environment));
    expect(given).toContain("MASTER_KEYS");
    expect(given.filter((name) => !known.has(name))).toEqual([]);
  });
});

test("the scale-out shape is two servers and two workers of one image, on MongoDB and a Redis that drops nothing", () => {
  const { services: all } = compose("compose.yaml");
  expect(all.server).toMatchObject({ build: { dockerfile: "docker/Dockerfile" }, deploy: { replicas: 2 } });
  expect(all.worker).toMatchObject({ image: all.server?.image, deploy: { replicas: 2 } });
  expect(all.server?.command?.slice(-2)).toEqual(["start", "--server"]);
  expect(all.worker?.command?.slice(-2)).toEqual(["start", "--worker"]);
  expect(all.redis?.command?.join(" ")).toContain("--maxmemory-policy noeviction");
  for (const name of ["proxy", "mongo", "prometheus", "grafana"]) expect(Object.keys(all)).toContain(name);
});

test("what is secret has no value of its own: without docker/.env a start stops", () => {
  const text = read("compose.yaml");
  const secret = /KEY|PASSWORD|TOKEN/;
  const used = [...text.matchAll(/\$\{([A-Z_]+)(:?[?-][^}]*)?\}/g)].map(([, name = "", rest = ""]) => ({ name, rest }));
  const secrets = used.filter(({ name }) => secret.test(name) && name !== "ALLOW_PASSWORD_GRANT");
  expect(new Set(secrets.map(({ name }) => name))).toEqual(
    new Set(["MONGO_PASSWORD", "REDIS_PASSWORD", "GRAFANA_PASSWORD", "MASTER_KEYS", "ADMIN_API_KEY", "METRICS_TOKEN"]),
  );
  expect(secrets.filter(({ rest }) => !rest.startsWith(":?"))).toEqual([]);

  const example = [...read("example.env").matchAll(/^([A-Z_]+)=(.*)$/gm)].map(([, name = "", value]) => ({ name, value }));
  expect(example.filter(({ name, value }) => secrets.some((other) => other.name === name) && value !== "")).toEqual([]);
  const described = new Set(example.map(({ name }) => name));
  expect(used.filter(({ name }) => !described.has(name)).map(({ name }) => name)).toEqual([]);
});

test("the image runs as nobody special, asks itself whether it is well, and is built with no secret in it", () => {
  const text = read("Dockerfile");
  const last = text.slice(text.lastIndexOf("\nFROM "));
  expect(text.match(/^FROM /gm)?.length).toBeGreaterThan(1);
  expect(last).toMatch(/^USER node$/m);
  expect(last).toMatch(/^HEALTHCHECK [\s\S]*\/healthz/m);
  expect(text).not.toMatch(/^(ARG|ENV) .*(KEY|PASSWORD|TOKEN|SECRET)/m);
});

test("the proxy shows the numbers to nobody", () => {
  expect(read("Caddyfile")).toMatch(/@metrics path \/metrics[\s\S]*respond @metrics 404/);
});

/** The expressions of the alerts and of the dashboard's panels. */
function expressions(): readonly string[] {
  const { groups } = parse(read("prometheus/alerts.yml"));
  const alerts = groups.flatMap(({ rules }: { rules: { expr: string }[] }) => rules.map(({ expr }) => expr));
  const { panels, templating } = JSON.parse(read("grafana/dashboards/jackfield.json"));
  const shown = panels.flatMap(({ targets = [] }: { targets?: { expr: string }[] }) => targets.map(({ expr }) => expr));
  const asked = templating.list.map(({ query }: { query: { query: string } }) => query.query);
  return [...alerts, ...shown, ...asked];
}

const familyOf = (name: string) => {
  const base = name.replace(/_(bucket|sum|count)$/, "");
  return families.has(name) ? name : families.get(base)?.type === "histogram" ? base : undefined;
};

test("alerts and dashboard use only metrics that there are", () => {
  const used = expressions().flatMap((text) => text.match(/\b(?:jackfield|process|nodejs)_[a-z0-9_]+/g) ?? []);
  expect(new Set(used).size).toBeGreaterThan(12);
  expect(used.filter((name) => familyOf(name) === undefined)).toEqual([]);
});

test("and only labels that these metrics have, or that Prometheus adds", () => {
  const added = ["job", "instance", "role", "le"];
  const wrong = expressions().flatMap((text) => {
    const names = text.match(/\bjackfield_[a-z0-9_]+/g) ?? [];
    const known = new Set([...added, ...names.flatMap((name) => labelsOf.get(familyOf(name) ?? "") ?? [])]);
    const chosen = [...text.matchAll(/\{([^}]*)\}/g)].flatMap(([, inside = ""]) =>
      [...inside.matchAll(/([a-z_]+)\s*(?:=~|!~|!=|=)\s*"[^"]*"/g)].map(([, label = ""]) => label),
    );
    const grouped = [...text.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, inside = ""]) => inside.split(/,\s*/));
    return [...chosen, ...grouped].filter((label) => label !== "" && !known.has(label)).map((label) => `${label} in ${text}`);
  });
  expect(wrong).toEqual([]);
});

test("every metric of ours is shown or watched somewhere", () => {
  const text = expressions().join("\n");
  const ours = [...families.keys()].filter((name) => name.startsWith("jackfield_"));
  expect(ours.filter((name) => !text.includes(name))).toEqual([]);
  const told = readFileSync(join(process.cwd(), "docs/operating.md"), "utf8");
  expect(ours.filter((name) => !told.includes(`\`${name}\``))).toEqual([]);
});

const hasPromtool = spawnSync("promtool", ["--version"]).error === undefined;

(hasPromtool ? describe : describe.skip)("as Prometheus's own tool judges", () => {
  const promtool = (...args: string[]) => {
    const { status, stdout, stderr } = spawnSync("promtool", args, { encoding: "utf8", cwd: join(folder, "prometheus") });
    return { status, said: stdout + stderr };
  };

  test("the configuration is valid", () => {
    expect(promtool("check", "config", "--syntax-only", "prometheus.yml")).toMatchObject({ status: 0 });
  });

  test("the alerts are valid, and go off where they should and nowhere else", () => {
    expect(promtool("check", "rules", "alerts.yml")).toMatchObject({ status: 0 });
    const { status, said } = promtool("test", "rules", "alerts.test.yml");
    expect([status, said]).toEqual([0, expect.stringContaining("SUCCESS")]);
  });
});
