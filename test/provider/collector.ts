import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";
import { afterwards } from "../harness/cleanup.ts";

/** A span as a collector gets it (OTLP/JSON), its attributes by name. */
export interface ReceivedSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly kind: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** 2: an error. */
  readonly status: number;
}

export interface Collector {
  readonly url: string;
  /** Everything that came, byte for byte. */
  readonly bodies: string[];
  readonly spans: ReceivedSpan[];
  /** Attributes of the process that sent them. */
  readonly resource: Record<string, unknown>;
}

interface KeyValue {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

const byName = (attributes: readonly KeyValue[] = []) =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));

/** An OpenTelemetry collector as far as traces over HTTP in JSON go. */
export async function startCollector(): Promise<Collector> {
  const collector = { url: "", bodies: [] as string[], spans: [] as ReceivedSpan[], resource: {} as Record<string, unknown> };
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const bytes = Buffer.concat(chunks);
    const text = (request.headers["content-encoding"] === "gzip" ? gunzipSync(bytes) : bytes).toString("utf8");
    const fits =
      request.method === "POST" && request.url === "/v1/traces" && request.headers["content-type"] === "application/json";
    response.writeHead(fits ? 200 : 404, { "content-type": "application/json" });
    response.end("{}");
    if (!fits) return;
    collector.bodies.push(`${JSON.stringify(request.headers)}\n${text}`);
    for (const { resource, scopeSpans } of JSON.parse(text).resourceSpans) {
      Object.assign(collector.resource, byName(resource.attributes));
      for (const { spans } of scopeSpans)
        for (const span of spans)
          collector.spans.push({ ...span, attributes: byName(span.attributes), status: span.status?.code ?? 0 });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  afterwards(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  collector.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return collector;
}
