import type { Runtime } from "../runtime.ts";
import { paperRuntime, Recorded, reasonOf, type Sent } from "./paper.ts";
import type { Stand } from "./stand-in.ts";

export type RequestKind =
  | "registration"
  | "authorization"
  | "request_token"
  | "device_authorization"
  | "token"
  | "then"
  | "after_connect"
  | "test"
  | "refresh"
  | "introspection"
  | "revocation"
  | "option"
  | "action"
  | "trigger";

/** `name` is the auth block's id, or that of the option, action or trigger. */
export interface PreviewedRequest extends Sent {
  readonly kind: RequestKind;
  readonly name: string;
}

export interface Preview {
  readonly requests: readonly PreviewedRequest[];
  /** Requests that could not be built, and why. */
  readonly problems: readonly { readonly kind: RequestKind; readonly name: string; readonly message: string }[];
}

type Build = (runtime: Runtime) => Promise<unknown>;

/** Collects a preview. */
export class Recorder implements Preview {
  readonly requests: PreviewedRequest[] = [];
  readonly problems: { kind: RequestKind; name: string; message: string }[] = [];
  private readonly clock: () => number;

  constructor(clock: () => number) {
    this.clock = clock;
  }

  /** Builds requests; `answer` is what each of them is answered with. */
  async record(kind: RequestKind, name: string, { platform, client }: Stand, build: Build, answer?: string): Promise<void> {
    const record = (sent: Sent) => {
      this.requests.push({ kind, name, ...sent });
      return answer;
    };
    try {
      await build(paperRuntime({ platform, client, clock: this.clock, record }));
    } catch (cause) {
      if (!(cause instanceof Recorded)) this.problems.push({ kind, name, message: reasonOf(cause) });
    }
  }
}
