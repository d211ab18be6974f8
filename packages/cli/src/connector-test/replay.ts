// In place of the network: requests are compared with what is expected, and answered with what was recorded.

import { asSent, type Egress, type EgressAnswer, type EgressRequest, JackfieldError, parseUrl } from "@jackfield/engine";
import { settledValue } from "./compare.ts";
import type { Answer, Exchange, ExpectedRequest } from "./format.ts";

export type Path = readonly (string | number)[];

/** Something that was made, beside what was expected of it. Undefined: nothing. */
export interface Observation {
  readonly path: Path;
  readonly expected: unknown;
  readonly actual: unknown;
}

/** Something that only the author can put right. */
export interface Trouble {
  readonly path: Path;
  readonly message: string;
}

/** What a case shows. */
export interface Findings {
  readonly observations: Observation[];
  readonly troubles: Trouble[];
}

/** The requests of one part of a case. */
interface Tape {
  readonly path: Path;
  readonly exchanges: readonly Exchange[];
  next: number;
}

export class Replay implements Egress {
  private tape: Tape | undefined;
  private judge: ((url: URL) => boolean) | undefined;
  private readonly findings: Findings;
  private readonly clock: () => number;

  constructor(findings: Findings, clock: () => number) {
    this.findings = findings;
    this.clock = clock;
  }

  /** Runs a part of a case against its own exchanges; each of them must be made. */
  async play<T>(path: Path, exchanges: readonly Exchange[] = [], run: () => Promise<T>): Promise<T> {
    const tape: Tape = { path, exchanges, next: 0 };
    this.tape = tape;
    try {
      return await run();
    } finally {
      for (let index = tape.next; index < exchanges.length; index++)
        this.findings.troubles.push({ path: [...path, index], message: "This request was not made." });
    }
  }

  /** Makes a call that is answered with nothing and that no expectation is about. */
  async aside(run: () => Promise<unknown>): Promise<void> {
    this.tape = undefined;
    await run();
  }

  /** Whether a call of the API was made. */
  get judges(): boolean {
    return this.judge !== undefined;
  }

  /** Whether the engine would follow the last call of the API to this URL; undefined where there was none. */
  allows(url: string): boolean | undefined {
    try {
      return this.judge?.(parseUrl(url));
    } catch {
      return false;
    }
  }

  async send(request: EgressRequest): Promise<EgressAnswer> {
    if (request.redirects !== "none") this.judge = request.redirects.allowed;
    const { tape } = this;
    const head = { url: request.url, sentAt: this.clock(), duration_ms: 0 };
    if (tape === undefined) return { ...answered({}), ...head };
    const path = [...tape.path, tape.next];
    const exchange = tape.exchanges[tape.next];
    tape.next += 1;
    const { headers, body, ...line } = asSent(request);
    const sent: ExpectedRequest = { ...line, headers, ...(body === null ? {} : { body }) };
    if (exchange?.answer !== undefined) {
      this.findings.observations.push({ path: [...path, "request"], expected: exchange.request, actual: settledValue(sent) });
    } else {
      this.findings.troubles.push({ path, message: `${line.method} ${line.url} is made here and has no answer.` });
      throw new JackfieldError("provider_unavailable", { detail: "The test has no answer." });
    }
    return { ...answered(exchange.answer), ...head };
  }

  async stream(request: EgressRequest): ReturnType<Egress["stream"]> {
    const { body, ...head } = await this.send(request);
    return {
      ...head,
      body: (async function* () {
        yield body;
      })(),
    };
  }

  async close(): Promise<void> {}
}

function answered({ status = 200, headers = {}, body }: Answer): Pick<EgressAnswer, "status" | "headers" | "body"> {
  const named = Object.entries(headers).map(([name, value]) => [
    name.toLowerCase(),
    typeof value === "string" ? value : [...value],
  ]);
  const isText = typeof body === "string";
  const type = isText ? typeOf(body) : "application/json";
  return {
    status,
    headers: { ...(body === undefined ? {} : { "content-type": type }), ...Object.fromEntries(named) },
    body: Buffer.from(body === undefined ? "" : isText ? body : JSON.stringify(body), "utf8"),
  };
}

const typeOf = (text: string) => (text.trimStart().startsWith("<") ? "application/xml" : "text/plain; charset=utf-8");
