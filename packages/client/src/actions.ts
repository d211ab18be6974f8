import { type Api, targetOf } from "./api.ts";
import { errorOf, type ProblemDocument } from "./errors.ts";
import { cutOff, linesOf } from "./lines.ts";
import { type CallOptions, timeHeader } from "./transport.ts";
import { operations, type StepResult } from "./wire.ts";

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
  /**
   * Milliseconds for the whole step; the server is told, and stops as well. Default: that of the client, or else what the server gives a
   * step.
   */
  readonly timeout?: number | undefined;
  /** What the workflow calls itself: kept with the step's event, and counted as a use of the connection. */
  readonly workflow?: string | undefined;
  /**
   * Makes one step of all calls that have the same key within a day, also of another process's: text without spaces. Default: a key that is
   * made for this call and kept over its tries. Null: none, for what only reads; the server then keeps nothing of it, and an answer that was
   * lost is lost.
   */
  readonly idempotencyKey?: string | null | undefined;
  /** Somebody only tries it: one page at the most, the output shortened, no use of the connection. */
  readonly mode?: "test" | undefined;
  /** What is no text is kept on the server and given as a reference, `{ name, type, size, file }`, for `files.download` or a further step. */
  readonly files?: "reference" | undefined;
}

/**
 * Nothing of what comes in lines is kept: they go out without a key, and are asked for once. `timeout` is told to the server for all of
 * them, and waited for until the first.
 */
export type StreamOptions = Omit<StepOptions, "idempotencyKey" | "retries" | "mode" | "files">;

/** An item of a list. */
export type ItemOf<Output> = Output extends readonly (infer Item)[] ? Item : unknown;

/** Input and options as arguments; the input may be left out where all of it may. */
// biome-ignore lint/complexity/noBannedTypes: `{}` is what fits a type without compulsory keys, and is meant so.
export type StepArguments<Input, Options = StepOptions> = {} extends Input
  ? [input?: Input, options?: Options]
  : [input: Input, options?: Options];

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

  /**
   * The items of an action that reads pages, each page asked for while those before it are used: for lists that are too long to be had at
   * once. Throws as `run`; what came before an error has been given.
   */
  stream<A extends ActionName<C>>(
    connection: string,
    action: A,
    ...[input, options]: StepArguments<InputOf<ActionNamed<C, A>>, StreamOptions>
  ): AsyncGenerator<ItemOf<OutputOf<ActionNamed<C, A>>>, void, undefined> {
    return streamStep(this.#api, connection, action, input, options);
  }
}

export async function runStep<Output>(
  api: Api,
  connection: string,
  action: string,
  input: object = {},
  options: StepOptions = {},
): Promise<Step<Output>> {
  const { workflow, mode, files, idempotencyKey = newKey(), ...call } = options;
  const timeout = options.timeout ?? api.transport.timeout;
  const body = { input: input as Record<string, unknown>, workflow, mode, files };
  const result = await api.call(
    "runAction",
    { params: { id: connection, action }, body },
    {
      ...call,
      timeout: timeout ?? longest,
      tellTime: timeout !== undefined,
      harmless: idempotencyKey !== null,
      ...(idempotencyKey !== null && { headers: { "idempotency-key": idempotencyKey } }),
    },
  );
  return result as Step<Output>;
}

/** Somewhat longer than the server gives any step that is not told its time. */
const longest = 310_000;

export async function* streamStep<Item>(
  api: Api,
  connection: string,
  action: string,
  input: object = {},
  { workflow, ...call }: StreamOptions = {},
): AsyncGenerator<Item, void, undefined> {
  const [method, path] = operations.runAction;
  const headers = { accept: "application/x-ndjson", "content-type": "application/json", ...timeHeader(call.timeout) };
  const target = targetOf(path, { id: connection, action });
  const { body } = await api.transport.open({ method, target, headers, body: JSON.stringify({ input, workflow }) }, call);
  for await (const line of linesOf(body, call.signal)) {
    const part = partOf<Item>(line);
    if (part === undefined) break;
    if (part.error !== undefined) throw errorOf(part.error);
    if (part.step !== undefined) return;
    yield part.item as Item;
  }
  throw cutOff("The step's items broke off before their end.");
}

/** One line; undefined: it is none, as the answer has broken off within it. */
function partOf<Item>(
  line: string,
): { readonly item?: Item; readonly error?: ProblemDocument; readonly step?: unknown } | undefined {
  try {
    return JSON.parse(line) as ReturnType<typeof partOf<Item>>;
  } catch {
    return undefined;
  }
}

/** 128 random bits. Not `randomUUID`, which browsers have on secure pages only. */
function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
