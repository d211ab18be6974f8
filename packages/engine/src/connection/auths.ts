// Which of a connector's ways to connect is offered, and which is recommended.

import type { Auth, Connector } from "@jackfield/manifest";
import { JackfieldError } from "../errors.ts";
import type { Runtime } from "../runtime.ts";

/** Whether the platform is given a person's password for a token (RFC 6749 §4.3), which only old servers need. */
export function isPasswordGrant(auth: Auth): boolean {
  return auth.type === "oauth2" && auth.grant === "password";
}

/** The first way to connect that is no password grant; undefined where there is no other. */
export function recommendedAuth({ auth }: Pick<Connector, "auth">): Auth | undefined {
  return Object.values(auth).find((one) => !isPasswordGrant(one));
}

/** Throws `grant_disabled`. */
export function refuseDisabled({ policy }: Pick<Runtime, "policy">, auth: Auth): void {
  if (policy.passwordGrant === false && isPasswordGrant(auth)) throw new JackfieldError("grant_disabled");
}
