import { spawnSync } from "node:child_process";
import { type AddressInfo, createServer } from "node:net";
import { findSecrets } from "./harness/canary.ts";
import { cleanup } from "./harness/cleanup.ts";
import { awkward, connect, keyedManifest, oauthManifest, saveApp, step } from "./harness/connect.ts";
import { send } from "./harness/http.ts";
import { type Product, startProduct } from "./harness/product.ts";
import { readMetrics, sum } from "./harness/prometheus.ts";
import { type Provider, startProvider } from "./harness/provider.ts";
import { until } from "./harness/wait.ts";
import { type Collector, startCollector } from "./provider/collector.ts";
import { type Receiver, startReceiver } from "./provider/receiver.ts";

jest.setTimeout(120_000);

const apiKey = "canary-api-key-of-the-user-1234567890";
const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const traceId = "0af7651916cd43dd8448eb211c80319c";

let provider: Provider;
let receiver: Receiver;
let collector: Collector;
let product: Product;

beforeAll(async () => {
  provider = await startProvider();
  await provider.apiKey(apiKey);
  receiver = await startReceiver();
  collector = await startCollector();
  product = await startProduct({
    connectors: {
      acme: oauthManifest(provider, { name: "acme" }),
      keyed: keyedManifest(provider, "keyed"),
    },
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_BSP_SCHEDULE_DELAY: "200",
      OTEL_SERVICE_NAME: "jackfield-under-test",
    },
  });
  await saveApp(product, provider, "acme");
});
afterAll(cleanup);
beforeEach(() => provider.reset());

const page = async () => {
  const answer = await product.send("GET", "/metrics", undefined, { key: null });
  expect(answer.status).toBe(200);
  return answer.text;
};
const metrics = async () => readMetrics(await page());

/** How much a metric has grown by what is done. */
async function growth(work: () => Promise<unknown>) {
  const before = await metrics();
  await work();
  const after = await metrics();
  const value = (families: typeof before, name: string, labels: Readonly<Record<string, string>>) =>
    families.has(name) || families.has(name.replace(/_count$/, "")) ? sum(families, name, labels) : 0;
  return (name: string, labels: Readonly<Record<string, string>> = {}) =>
    value(after, `jackfield_${name}`, labels) - value(before, `jackfield_${name}`, labels);
}

const keyed = async () => (await product.post("/v1/connections", { connector: "keyed", fields: { api_key: apiKey } })).json.id;

describe("/metrics", () => {
  test("is Prometheus's text format, and needs no key on one's own machine", async () => {
    const answer = await send(`${product.url}/metrics`);
    expect(answer.headers["content-type"]).toBe("text/plain; version=0.0.4; charset=utf-8");
    const families = readMetrics(answer.text);
    expect(sum(families, "jackfield_build_info")).toBe(1);
    expect(sum(families, "process_resident_memory_bytes")).toBeGreaterThan(1e6);
    for (const dependency of ["store", "queue"]) expect(sum(families, "jackfield_dependency_up", { dependency })).toBe(1);
  });

  test("follows Prometheus's rules for names, as its own tool judges them", async () => {
    // What is prom-client's own has a name or two that the tool does not like.
    const own = (await page())
      .split("\n")
      .filter((line) => /^(# \w+ )?jackfield_/.test(line))
      .join("\n");
    const judged = spawnSync("promtool", ["check", "metrics"], { input: `${own}\n`, encoding: "utf8" });
    if (judged.error !== undefined) {
      // Without the tool the strict reader above has to do.
      readMetrics(`${own}\n`);
      return;
    }
    expect([judged.status, judged.stdout, judged.stderr]).toEqual([0, "", ""]);
  });

  test("counts steps by connector, action, outcome and class of status, and how long they took", async () => {
    const { id } = await connect(product, "acme");
    const grown = await growth(async () => {
      for (let turn = 0; turn < 3; turn += 1) await step(product, id, "list_items");
      await step(product, id, "status", { code: 404 });
      await product.get(`/v1/connections/${id}/proxy/me`);
      await step(product, id, "no_such_action");
    });
    expect(grown("steps_total", { connector: "acme", action: "list_items", outcome: "ok", status: "2xx" })).toBe(3);
    expect(grown("steps_total", { connector: "acme", action: "status", outcome: "failed", status: "4xx" })).toBe(1);
    expect(grown("steps_total", { connector: "acme", action: "proxy", outcome: "ok", status: "2xx" })).toBe(1);
    // What a caller makes up is no value of a label.
    expect(grown("steps_total")).toBe(5);
    expect(grown("step_duration_seconds_count", { connector: "acme", kind: "action" })).toBe(4);
    expect(grown("step_duration_seconds_count", { connector: "acme", kind: "proxy" })).toBe(1);
    expect(grown("provider_requests_total", { purpose: "api", status: "2xx" })).toBe(4);
    expect(grown("provider_requests_total", { purpose: "api", status: "4xx" })).toBe(1);
    expect(grown("http_requests_total", { route: "/v1/connections/{id}/actions/{action}", status: "2xx" })).toBe(3);
    expect(grown("http_requests_total", { route: "/v1/connections/{id}/proxy/{path}", method: "GET" })).toBe(1);
  });

  test.each([
    ["refreshed", {}],
    ["retry", { token_fail: { status: 503, body: "busy", times: 1 } }],
    ["ambiguous", { token_fail: { status: 400, body: "", times: 1 } }],
    ["configuration", { token_fail: { status: 400, body: '{"error":"invalid_scope"}', times: 1 } }],
    ["reauthorize", { token_fail: { status: 400, body: '{"error":"invalid_grant"}', times: 1 } }],
    ["lost", { token_drop: 1 }],
  ])("counts a refresh that ended as %s", async (outcome, switches) => {
    const { id } = await connect(product, "acme", { as: "alan" });
    await provider.set(switches);
    const grown = await growth(() => product.post(`/v1/connections/${id}/refresh`));
    expect(grown("refreshes_total", { connector: "acme", outcome })).toBe(1);
    expect(grown("refreshes_total")).toBe(1);
    expect(grown("refresh_duration_seconds_count")).toBe(1);
    const ended = grown("reauthorizations_needed_total", { connector: "acme", reason: "grant_refused" });
    expect(ended).toBe(outcome === "reauthorize" ? 1 : 0);
    expect(grown("provider_requests_total", { purpose: "token" })).toBe(1);
    await product.send("DELETE", `/v1/connections/${id}`);
  });

  test("tells how late refreshes begin that nobody asked for", async () => {
    const before = sum(await metrics(), "jackfield_refresh_lag_seconds_count");
    await provider.set({ access_token_ttl: 4 });
    const { id } = await connect(product, "acme", { as: "eve" });
    await provider.set({ access_token_ttl: 3600 });
    await until("a refresh in the background", async () => sum(await metrics(), "jackfield_refresh_lag_seconds_count") > before);
    await until(
      "the next refresh to be far away",
      async () => sum(await metrics(), "jackfield_refresh_most_overdue_seconds") === 0,
    );
    await product.send("DELETE", `/v1/connections/${id}`);
  });

  test("tells how many connections there are in each state", async () => {
    const other = await startProduct({ connectors: { keyed: keyedManifest(provider, "keyed") } });
    for (const owner of ["one", "two"])
      await other.post("/v1/connections", { connector: "keyed", owner, fields: { api_key: apiKey } });
    const families = readMetrics((await other.send("GET", "/metrics")).text);
    expect(sum(families, "jackfield_connections", { state: "connected" })).toBe(2);
    expect(sum(families, "jackfield_connections", { state: "needs_reauth" })).toBe(0);
    expect(sum(families, "jackfield_connections")).toBe(2);
  });

  test("tells how many jobs wait, by kind", async () => {
    const kinds = (await metrics()).get("jackfield_queue_jobs_waiting")?.samples.map(({ labels }) => labels.kind);
    expect(kinds?.toSorted()).toEqual(["deliver", "device", "refresh", "remind", "revoke", "test"]);
  });

  test("counts deliveries of events by how they ended", async () => {
    receiver.answer("/hook", { status: 500 }, { status: 204 });
    const endpoint = (await product.post("/v1/event_endpoints", { url: `${receiver.url}/hook` })).json;
    const grown = await growth(async () => {
      await product.post(`/v1/event_endpoints/${endpoint.id}/test`);
      await product.post(`/v1/event_endpoints/${endpoint.id}/test`);
    });
    expect(grown("event_deliveries_total", { outcome: "given_up" })).toBe(1);
    expect(grown("event_deliveries_total", { outcome: "delivered" })).toBe(1);
    expect(grown("provider_requests_total", { purpose: "event" })).toBe(2);
    await product.send("DELETE", `/v1/event_endpoints/${endpoint.id}`);
  });
});

async function freePort(host: string): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

describe("who may read /metrics", () => {
  const token = "the-scrapers-own-token-1234567890";
  const as = (of: Product, key: string | null) => of.send("GET", "/metrics", undefined, { key });

  test("elsewhere than on one's own machine: an admin, and nobody without a key", async () => {
    // An address of this machine that does not say so.
    const PORT = String(await freePort("127.0.0.2"));
    const deployed = await startProduct({ env: { HOST: "127.0.0.2", PORT, PUBLIC_URL: `http://127.0.0.2:${PORT}` } });
    expect((await as(deployed, null)).json.code).toBe("unauthenticated");
    expect((await as(deployed, deployed.adminKey)).status).toBe(200);
  });

  test("where there is a token: who has it, an admin, and nobody else", async () => {
    const guarded = await startProduct({ env: { METRICS_TOKEN: token } });
    expect((await as(guarded, null)).json.code).toBe("unauthenticated");
    expect((await as(guarded, "something-else-entirely")).json.code).toBe("unauthenticated");
    expect((await as(guarded, token)).status).toBe(200);
    expect((await as(guarded, guarded.adminKey)).status).toBe(200);
    const { key } = (await guarded.post("/v1/api_keys", { name: "w", role: "workflow" })).json;
    expect((await as(guarded, key)).json.code).toBe("admin_required");
    // The token opens nothing but this page.
    expect((await guarded.send("GET", "/v1/connections", undefined, { key: token })).status).toBe(401);
  });

  test("everybody, where the operator says so", async () => {
    const open = await startProduct({ env: { METRICS_TOKEN: token, METRICS_OPEN: "on" } });
    expect((await as(open, null)).status).toBe(200);
  });
});

describe("traces", () => {
  const spansOf = (trace: string) => collector.spans.filter((span) => span.traceId === trace);

  test("follow a step from the caller's own trace to the request that the provider gets", async () => {
    const { id } = await connect(product, "acme");
    await provider.forget();
    const headers = { traceparent, tracestate: "vendor=1" };
    await product.send("POST", `/v1/connections/${id}/actions/list_items`, { input: {} }, { headers });
    const spans = await until("the spans", () => {
      const found = spansOf(traceId);
      return found.length >= 3 ? found : undefined;
    });
    const [served] = spans.filter(({ name }) => name === "POST /v1/connections/{id}/actions/{action}");
    const [ran] = spans.filter(({ name }) => name === "step");
    const [sent] = spans.filter(({ name }) => name === "provider_request");
    expect(served).toMatchObject({ parentSpanId: "b7ad6b7169203331", kind: 2 });
    expect(served?.attributes).toEqual({
      "http.request.method": "POST",
      "http.route": "/v1/connections/{id}/actions/{action}",
      "http.response.status_code": 200,
    });
    expect(ran).toMatchObject({ parentSpanId: served?.spanId });
    expect(ran?.attributes).toEqual({
      "jackfield.connector": "acme",
      "jackfield.action": "list_items",
      "jackfield.outcome": "ok",
    });
    expect(sent).toMatchObject({ parentSpanId: ran?.spanId, kind: 3 });
    expect(sent?.attributes).toEqual({
      "jackfield.purpose": "api",
      "http.request.method": "GET",
      "http.response.status_code": 200,
    });
    // Providers are told nothing of it.
    const [seen] = await provider.log("/api/items");
    expect(seen?.headers).toBeDefined();
    expect(Object.keys(seen?.headers ?? {}).filter((name) => /trace|baggage|b3/i.test(name))).toEqual([]);
    // And who reads the log finds the trace.
    expect(product.output).toContain(`"trace_id":"${traceId}"`);
  });

  test("name a failure by its code, and say nothing else of it", async () => {
    const { id } = await connect(product, "acme");
    await provider.set({ token_fail: { status: 400, body: '{"error":"invalid_grant","error_description":"of Ada"}', times: 1 } });
    await product.post(`/v1/connections/${id}/refresh`);
    const span = await until("the refresh", () =>
      collector.spans.find(({ name, attributes }) => name === "refresh" && attributes["jackfield.outcome"] === "reauthorize"),
    );
    expect(span.status).toBe(2);
    expect(span.attributes).toEqual({
      "jackfield.connector": "acme",
      "jackfield.outcome": "reauthorize",
      "error.type": "needs_reauth",
    });
  });

  test("of jobs begin by themselves, whoever set their timer", async () => {
    await provider.set({ access_token_ttl: 4 });
    await connect(product, "acme", { as: "eve" });
    const job = await until("a job's refresh", () =>
      collector.spans.find(({ name, attributes }) => name === "job" && attributes["jackfield.kind"] === "refresh"),
    );
    expect(job.parentSpanId ?? "").toBe("");
    await until("its part", () =>
      collector.spans.find(({ parentSpanId, name }) => parentSpanId === job.spanId && name === "refresh"),
    );
  });

  test("tell which program they are of, and not of the questions that machines ask all the time", async () => {
    await send(`${product.url}/healthz`);
    await send(`${product.url}/v1/platform`);
    await until("a later span", () => collector.spans.some(({ name }) => name === "GET /v1/platform"));
    expect(collector.resource).toMatchObject({ "service.name": "jackfield-under-test", "service.version": "0.1.0" });
    expect(Object.keys(collector.resource).filter((name) => /^(host|process|os)\./.test(name))).toEqual([]);
    expect(collector.spans.filter(({ name }) => /healthz|readyz|metrics/.test(name))).toEqual([]);
  });
});

test("neither metrics nor spans hold a secret, an id or a person", async () => {
  const { id, connection } = await connect(product, "acme");
  const other = await keyed();
  await step(product, id, "leak");
  await step(product, other, "echo");
  await product.get(`/v1/connections/${id}/proxy/items/canary-item-of-somebody?q=canary-query-of-somebody`);
  await product.get("/v1/connections/canary-connection-id");
  await product.get("/canary-path-of-somebody");
  const last = collector.bodies.length;
  await until("the spans of all this", () => collector.bodies.length > last);
  const issued = await provider.issued();
  const needles = [
    ...issued.access_tokens,
    ...issued.refresh_tokens,
    ...issued.codes,
    awkward.secret,
    apiKey,
    product.adminKey,
    id,
    other,
    connection.unique_id,
    "Ada Lovelace",
    "canary-item-of-somebody",
    "canary-query-of-somebody",
    "canary-connection-id",
    "canary-path-of-somebody",
    new URL(provider.issuer).host,
    new URL(product.url).host,
  ];
  expect(connection.label).toContain("Ada Lovelace");
  const places = [
    ["the metrics", Buffer.from(await page())] as const,
    // The collector's own address stands in the headers that it got, and is nobody's.
    ...collector.bodies.map((body, index) => [`export ${index}`, Buffer.from(body)] as const),
  ];
  const long = needles.filter((needle) => needle.length >= 12);
  expect(findSecrets(long, places)).toEqual([]);
  // What was looked for is what a search would find.
  expect(places.length).toBeGreaterThan(1);
  expect(long.length).toBeGreaterThan(12);
});
