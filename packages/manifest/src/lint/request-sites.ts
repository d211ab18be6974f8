// Every request that a manifest describes, and whether the credential goes with it.

import type { Manifest } from "../schema/manifest.ts";
import type { Path } from "../source.ts";
import { type CheckedAuth, type CheckedManifest, derived } from "./rule.ts";

export type RequestManifest = NonNullable<Manifest["actions"]>[string]["request"];

export interface RequestSite {
  readonly path: Path;
  readonly request: RequestManifest;
  /** Whether the credential goes with it, so that the whitelist must cover it. */
  readonly credential: boolean;
}

export const requestSites = derived((checked: CheckedManifest): readonly RequestSite[] => [
  ...checked.auths.flatMap((auth) => [...ofAuth(auth)]),
  ...ofManifest(checked.manifest),
]);

function* ofAuth(of: CheckedAuth): Generator<RequestSite> {
  const { auth, path } = of;
  const site = (request: RequestManifest | undefined, credential: boolean, ...steps: Path): RequestSite[] =>
    request === undefined ? [] : [{ path: [...path, ...steps, "request"], request, credential }];
  yield* site(auth.test?.request, true, "test");
  for (const [index, { request }] of (auth.after_connect ?? []).entries()) yield* site(request, true, "after_connect", index);
  if (auth.type !== "oauth2" && auth.type !== "custom") return;
  yield* site(auth.revocation?.request, true, "revocation");
  for (const [index, { request }] of (auth.token?.then ?? []).entries()) yield* site(request, false, "token", "then", index);
  if (auth.type !== "custom") return;
  yield* site(auth.token?.request, false, "token");
  yield* site(auth.refresh?.request, false, "refresh");
}

function* ofManifest({ actions, options, triggers, services }: Manifest): Generator<RequestSite> {
  const site = (request: RequestManifest | undefined, ...path: Path): RequestSite[] =>
    request === undefined ? [] : [{ path: [...path, "request"], request, credential: true }];
  for (const [id, { request, paginate }] of Object.entries(actions ?? {})) {
    yield* site(request, "actions", id);
    yield* site(paginate?.request, "actions", id, "paginate");
  }
  for (const [id, { request }] of Object.entries(options ?? {})) yield* site(request, "options", id);
  for (const [id, trigger] of Object.entries(triggers ?? {})) {
    if (trigger.type === "polling") yield* site(trigger.request, "triggers", id);
    else {
      yield* site(trigger.subscribe?.request, "triggers", id, "subscribe");
      yield* site(trigger.unsubscribe?.request, "triggers", id, "unsubscribe");
    }
  }
  yield* site(services?.user_id_mapper?.request, "services", "user_id_mapper");
  const validation = services?.token_validation;
  if (typeof validation === "object") yield* site(validation.request, "services", "token_validation");
}
