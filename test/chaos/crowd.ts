import type { ConnectionRecord, Store } from "@jackfield/engine";
import { Browser } from "../harness/browser.ts";
import { begin, draft, step } from "../harness/connect.ts";
import type { Product } from "../harness/product.ts";
import { pause } from "../harness/wait.ts";
import type { Gate } from "./gate.ts";

/** What a step may fail with while everything goes wrong: all of it says "try again". */
const tryAgain: ReadonlySet<string> = new Set([
  "provider_unavailable",
  "provider_timeout",
  "provider_rate_limited",
  "store_unavailable",
  "stopping",
]);

/** A connector whose provider hands out each refresh token for one use, and ends all that came of a sign-in when one is used twice. */
export const manifest = (gate: Gate, issuer: string) => `manifest: 1
name: acme
title: Acme
base_url: ${gate.apiUrl}
auth:
  oauth:
    type: oauth2
    grant: authorization_code
    client: { authentication: client_secret_basic }
    scopes: { required: [{ name: read, reason: Read your items. }] }
    authorization: { url: ${issuer}/auth }
    token: { url: "${gate.tokenUrl}" }
    refresh: { rotation: always }
    test: { request: { path: /me } }
    label: "{{ me.name }}"
    unique_id: me.id
actions:
  list_items:
    title: List items
    input: { run: { required: true } }
    request: { path: /items, query: { limit: "1", run: "{{ input.run }}" } }
    output: body.items
`;

/** With fewer connections there would be nothing to see. */
const fewest = 20;

const atOnce = (work: () => Promise<void>) => Promise.all(Array.from({ length: 8 }, work));

/** Many connections, and workflows that run steps through them all the time. */
export class Crowd {
  readonly #gate: Gate;
  readonly #servers: readonly Product[];
  readonly connections: string[] = [];
  /** How the steps ended: `ok`, `no answer`, or a code. */
  readonly outcomes: Record<string, number> = {};
  /** Connections of which a step was told that they need their person. */
  readonly refused = new Set<string>();
  /** Answers that no step may get, in words. */
  readonly wrongs: string[] = [];
  /** How many steps run at once. */
  workflows = 0;
  #walking: Promise<unknown> = Promise.resolve();
  #stopped = false;
  #runs = 0;

  constructor(gate: Gate, servers: readonly Product[]) {
    this.#gate = gate;
    this.#servers = servers;
  }

  /** So many people sign in, each with a browser of their own, a few at the same time; as many as can in `within` milliseconds. */
  async connect(product: Product, size: number, within: number): Promise<void> {
    const end = Date.now() + within;
    let next = 0;
    let last: unknown;
    await atOnce(async () => {
      for (let person = next++; person < size && Date.now() < end; person = next++) {
        // Who cannot be served on a busy machine goes away.
        await this.#signIn(product, person).catch((cause: unknown) => {
          last = cause;
        });
      }
    });
    const made = this.connections.length;
    if (made < Math.min(size, fewest)) throw new Error(`only ${made} connections were made`, { cause: last });
  }

  async #signIn(product: Product, person: number): Promise<void> {
    const { id } = await draft(product, "acme", { owner: `person-${person}` });
    await new Browser().signIn(await begin(product, id));
    // From now on the gate knows whose tokens these are.
    const outcome = await this.#step(product, id);
    if (outcome !== "ok") throw new Error(`the first step of ${id} ended with ${outcome}`);
    this.connections.push(id);
  }

  /** Everybody has their connection refreshed. */
  async refresh(product: Product): Promise<void> {
    const left = [...this.connections];
    await atOnce(async () => {
      for (let id = left.pop(); id !== undefined; id = left.pop()) {
        const { status, text, json } = await product.post(`/v1/connections/${id}/refresh`);
        if (status !== 200 && !tryAgain.has(json.code)) throw new Error(`refreshing ${id}: ${status} ${text}`);
      }
    });
  }

  /** So many workflows walk from connection to connection and run a step on each server, one right after the other. */
  walk(workflows: number, rest: number): void {
    this.workflows = workflows;
    this.#walking = Promise.all(
      Array.from({ length: workflows }, async (_, workflow) => {
        for (let turn = 0; !this.#stopped; turn += 1) {
          const connection = this.connections[(turn * workflows + workflow) % this.connections.length] as string;
          const servers = this.#servers;
          for (let index = 0; index < servers.length; index += 1)
            await this.#step(servers[(index + turn) % servers.length] as Product, connection);
          await pause(rest);
        }
      }),
    );
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#walking;
  }

  async #step(product: Product, connection: string): Promise<string> {
    this.#runs += 1;
    const run = `run-${this.#runs}`;
    this.#gate.expect(run, connection);
    const answer = await step(product, connection, "list_items", { run }).catch(() => undefined);
    const outcome = answer === undefined ? "no answer" : answer.status === 200 ? "ok" : String(answer.json.code);
    this.outcomes[outcome] = (this.outcomes[outcome] ?? 0) + 1;
    if (outcome === "needs_reauth") this.refused.add(connection);
    else if (answer !== undefined && outcome !== "ok" && !tryAgain.has(outcome))
      this.wrongs.push(`a step of ${connection} was answered ${answer.status} ${answer.text.slice(0, 300)}`);
    return outcome;
  }
}

/** The records of the crowd's connections that are in the store. */
export async function stored(store: Store, { connections }: Crowd): Promise<ConnectionRecord[]> {
  const records = await Promise.all(connections.map((id) => store.connections.get(id)));
  return records.filter((record) => record !== undefined);
}
