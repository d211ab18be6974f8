import { request as httpRequest, type IncomingHttpHeaders } from "node:http";

/** One request and what came back, kept for the searches and checks that run over everything that was said. */
export interface Answer {
  readonly origin: string;
  readonly method: string;
  /** The target as it was sent: path and query. */
  readonly target: string;
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly text: string;
  /** The body as JSON; throws with the body's beginning when it is none. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of many shapes and assert what they find.
  readonly json: any;
}

/** Every answer that any test of this file has got, in the order of arrival. */
export const heard: Answer[] = [];

export interface Sent {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  readonly body?: string | Buffer | undefined;
  /** Sent byte for byte as the request's target, instead of the URL's own path and query. */
  readonly target?: string;
  readonly timeout?: number;
}

/** Sends a request just as it is told to: no redirects are followed, no path is tidied, any header may be set. */
export function send(url: string | URL, sent: Sent = {}): Promise<Answer> {
  const { origin, hostname, port, pathname, search } = new URL(url);
  const target = sent.target ?? pathname + search;
  const method = sent.method ?? "GET";
  const length = sent.body === undefined ? {} : { "content-length": String(Buffer.byteLength(sent.body)) };
  return new Promise((resolve, reject) => {
    const request = httpRequest(
      {
        hostname,
        port,
        path: target,
        method,
        headers: { ...length, ...sent.headers },
        timeout: sent.timeout ?? 60_000,
        agent: false,
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          const body = Buffer.concat(chunks);
          const answer: Answer = {
            origin,
            method,
            target,
            status: response.statusCode ?? 0,
            headers: response.headers,
            body,
            text: body.toString("utf8"),
            get json() {
              try {
                return JSON.parse(body.toString("utf8"));
              } catch (cause) {
                throw new Error(
                  `${method} ${target} answered ${response.statusCode} without JSON: ${body.toString("utf8", 0, 300)}`,
                  {
                    cause,
                  },
                );
              }
            },
          };
          heard.push(answer);
          resolve(answer);
        });
      },
    );
    request.on("timeout", () => request.destroy(new Error(`${method} ${target}: no answer in time`)));
    request.on("error", reject);
    request.end(sent.body);
  });
}
