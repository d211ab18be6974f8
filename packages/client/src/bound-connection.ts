import {
  type InputOf,
  type ItemOf,
  type OutputOf,
  runStep,
  type Step,
  type StepArguments,
  type StreamOptions,
  streamStep,
} from "./actions.ts";
import type { Api } from "./api.ts";
import type { Listing } from "./pages.ts";
import { proxyFetch } from "./proxy.ts";
import { type Choice, choices } from "./resources.ts";
import type { CallOptions } from "./transport.ts";
import type { Connection } from "./wire.ts";

/** One connection: what a workflow does with it. `A` are the actions that it has. */
export class BoundConnection<A> {
  readonly id: string;
  /** Sends through the connection; may be given to libraries that take a `fetch`. */
  readonly fetch: typeof fetch;
  readonly #api: Api;

  constructor(api: Api, id: string) {
    this.#api = api;
    this.id = id;
    this.fetch = proxyFetch(api.transport, id);
  }

  /** The connection as it stands. */
  get(options?: CallOptions): Promise<Connection> {
    return this.#api.call("getConnection", { params: { id: this.id } }, options);
  }

  /** Runs an action; see `Actions.run`. */
  run<Name extends keyof A & string>(
    action: Name,
    ...[input, options]: StepArguments<InputOf<A[Name]>>
  ): Promise<Step<OutputOf<A[Name]>>> {
    return runStep(this.#api, this.id, action, input as object | undefined, options);
  }

  /** The items of an action that reads pages; see `Actions.stream`. */
  stream<Name extends keyof A & string>(
    action: Name,
    ...[input, options]: StepArguments<InputOf<A[Name]>, StreamOptions>
  ): AsyncGenerator<ItemOf<OutputOf<A[Name]>>, void, undefined> {
    return streamStep(this.#api, this.id, action, input as object | undefined, options);
  }

  /** A drop-down's choices; see `Jackfield.options`. */
  options(name: string, input?: Readonly<Record<string, unknown>>, options?: CallOptions): Listing<Choice> {
    return choices(this.#api, this.id, name, input, options);
  }
}
