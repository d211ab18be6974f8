import type { Api } from "./api.ts";
import type { CallOptions } from "./transport.ts";
import type { StepResult } from "./wire.ts";

/** Actions of a connector: what they take and what they give. */
export type ActionTypes = { readonly [action: string]: { readonly input: object; readonly output: unknown } };

/** Connectors by name, as `jackfield client types` writes them. */
export type ConnectorTypes = { readonly [connector: string]: ActionTypes };

/** Without types of its own: any connector, any action, any input. */
export type AnyConnectors = {
  readonly [connector: string]: {
    readonly [action: string]: { readonly input: Record<string, unknown>; readonly output: unknown };
  };
};

/** The names of all actions of all connectors. */
export type ActionName<C extends ConnectorTypes> = { [Name in keyof C]: keyof C[Name] & string }[keyof C];

/** An action of that name, of whichever connectors have one. */
export type ActionNamed<C extends ConnectorTypes, A extends string> = {
  [Name in keyof C]: A extends keyof C[Name] ? C[Name][A] : never;
}[keyof C];

export type InputOf<Action> = Action extends { readonly input: infer Input } ? Input : never;
export type OutputOf<Action> = Action extends { readonly output: infer Output } ? Output : never;

/** What a step gave. */
export interface Step<Output> extends Omit<StepResult, "output"> {
  readonly output: Output;
}

export interface StepOptions extends CallOptions {
  /** What the workflow calls itself: kept with the step's event, and counted as a use of the connection. */
  readonly workflow?: string | undefined;
  /**
   * Makes one step of all calls that have the same key, also of another process's. Default: one that is made for this call and kept over
   * its tries.
   */
  readonly idempotencyKey?: string | undefined;
}

/** Input and options as arguments; the input may be left out where all of it may. */
// biome-ignore lint/complexity/noBannedTypes: `{}` is what fits a type without compulsory keys, and is meant so.
export type StepArguments<Input> = {} extends Input
  ? [input?: Input, options?: StepOptions]
  : [input: Input, options?: StepOptions];

/** Runs steps. */
export class Actions<C extends ConnectorTypes> {
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  /**
   * Runs an action through a connection, once, however often the call has to be sent. Throws `NeedsReauth` where its person must sign in
   * again, `ProviderFailed` with the provider's words, and other `JackfieldError`s.
   */
  run<A extends ActionName<C>>(
    connection: string,
    action: A,
    ...[input, options]: StepArguments<InputOf<ActionNamed<C, A>>>
  ): Promise<Step<OutputOf<ActionNamed<C, A>>>> {
    return runStep(this.#api, connection, action, input, options);
  }
}

export async function runStep<Output>(
  api: Api,
  connection: string,
  action: string,
  input: object = {},
  options: StepOptions = {},
): Promise<Step<Output>> {
  const { workflow, idempotencyKey = newKey(), ...call } = options;
  const result = await api.call(
    "runAction",
    { params: { id: connection, action }, body: { input: input as Record<string, unknown>, workflow } },
    { ...call, headers: { "idempotency-key": idempotencyKey }, harmless: true },
  );
  return result as Step<Output>;
}

/** 128 random bits. Not `randomUUID`, which browsers have on secure pages only. */
function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
