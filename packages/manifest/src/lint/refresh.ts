// How credentials are replaced, and how long things take: settings that contradict each other.

import { milliseconds } from "../defaults.ts";
import type { Path } from "../source.ts";
import { idle } from "./grants.ts";
import type { CheckedAuth, CheckedManifest, Found, Rule } from "./rule.ts";

type WithRefresh = Extract<CheckedAuth["auth"], { type: "oauth2" | "custom" }>;
type Refresh = NonNullable<Extract<CheckedAuth["auth"], { type: "oauth2" }>["refresh"]>;
type Strategy = NonNullable<Refresh["strategy"]>;

interface Refreshed {
  readonly auth: WithRefresh;
  readonly refresh: Refresh;
  readonly strategy: Strategy;
  readonly path: Path;
}

function* refreshes({ auths }: CheckedManifest): Generator<Refreshed> {
  for (const { auth, path } of auths) {
    if ((auth.type !== "oauth2" && auth.type !== "custom") || auth.refresh === undefined) continue;
    const strategy = auth.refresh.strategy ?? defaultStrategy(auth);
    yield { auth, refresh: auth.refresh as Refresh, strategy, path: [...path, "refresh"] };
  }
}

function defaultStrategy(auth: WithRefresh): Strategy {
  if (auth.type === "custom") return auth.token === undefined ? "none" : "reissue";
  return auth.grant === "client_credentials" || auth.grant === "jwt_bearer" ? "reissue" : "refresh_token";
}

/** What is about refresh tokens only. */
const ofRefreshTokens = ["subject", "omit", "required", "on_invalid_grant", "rotation", "grace", "max_age", "idle_max"] as const;

/** What is about replacing a credential at all. */
const ofReplacing = [
  "url",
  "method",
  "encoding",
  "headers",
  "params",
  "response",
  "leeway",
  "min_age",
  ...ofRefreshTokens,
] as const;

const useless: Readonly<Record<Strategy, { readonly keys: readonly (keyof Refresh)[]; readonly why: string } | undefined>> = {
  refresh_token: undefined,
  reissue: { keys: ofRefreshTokens, why: "with the strategy reissue there is no refresh token" },
  none: { keys: ofReplacing, why: "with the strategy none nothing is replaced" },
};

function* withoutEffect(checked: CheckedManifest): Iterable<Found> {
  for (const { auth, refresh, strategy, path } of refreshes(checked)) {
    if (auth.type === "custom" && auth.token === undefined) {
      yield idle(path, "there is no token");
      continue;
    }
    const { keys = [], why = "" } = useless[strategy] ?? {};
    for (const key of keys) if (refresh[key] !== undefined) yield idle([...path, key], why);
    if (strategy === "refresh_token" && refresh.rotation === "never" && refresh.grace !== undefined) {
      yield idle([...path, "grace"], "the refresh token is never replaced");
    }
  }
}

/** A token cannot be had again as at first where a person had to sign in. */
function* needsPerson(checked: CheckedManifest): Iterable<Found> {
  for (const { auth, refresh, strategy, path } of refreshes(checked)) {
    if (auth.type !== "oauth2" || (auth.grant !== "authorization_code" && auth.grant !== "device_code")) continue;
    if (strategy === "reissue" && !auth.token.then) {
      yield { path: [...path, "strategy"], message: `With the grant ${auth.grant}, a new token needs its user.` };
    }
    if (refresh.on_invalid_grant === "reauthenticate") {
      yield { path: [...path, "on_invalid_grant"], message: `With the grant ${auth.grant}, signing in again needs the user.` };
    }
  }
}

const time = (duration: string | undefined) =>
  duration === undefined || duration === "never" ? undefined : milliseconds(duration);

function* lifetimes(checked: CheckedManifest): Iterable<Found> {
  for (const { refresh, path } of refreshes(checked)) {
    const lifetime = time(refresh.default_lifetime);
    const leeway = time(refresh.leeway);
    const youngest = time(refresh.min_age);
    if (lifetime === undefined) continue;
    if (leeway !== undefined && leeway >= lifetime) {
      const message = `A token that lives ${refresh.default_lifetime} would be replaced at once, ${refresh.leeway} before it ends.`;
      yield { path: [...path, "leeway"], message };
    } else if (youngest !== undefined && youngest + (leeway ?? 0) > lifetime) {
      const message = `A token that lives ${refresh.default_lifetime} would be replaced before it is ${refresh.min_age} old.`;
      yield { path: [...path, "min_age"], message };
    }
  }
}

const shortest = 300_000;

interface Interval {
  readonly value: string;
  readonly path: Path;
}

function* intervals({ auths, manifest }: CheckedManifest): Generator<Interval> {
  for (const { auth, path } of auths) {
    if (auth.test?.every !== undefined) yield { value: auth.test.every, path: [...path, "test", "every"] };
  }
  for (const [id, trigger] of Object.entries(manifest.triggers ?? {})) {
    if (trigger.type !== "polling" || trigger.every === undefined) continue;
    const path = ["triggers", id, "every"];
    if (typeof trigger.every === "string") yield { value: trigger.every, path };
    else {
      yield { value: trigger.every.default, path: [...path, "default"] };
      for (const [index, value] of trigger.every.options.entries()) yield { value, path: [...path, "options", index] };
    }
  }
}

function* tooOften(checked: CheckedManifest): Iterable<Found> {
  for (const { value, path } of intervals(checked)) {
    if (milliseconds(value) < shortest) yield { path, message: `Every ${value} is too often.` };
  }
}

const longestTest = 10_000;

function* longTests({ auths }: CheckedManifest): Iterable<Found> {
  for (const { auth, path } of auths) {
    if (auth.test?.timeout === undefined || milliseconds(auth.test.timeout) <= longestTest) continue;
    yield { path: [...path, "test", "timeout"], message: "A person waits for the test; it may take at most 10s." };
  }
}

const longestRequest = 300_000;

function* longActions({ manifest }: CheckedManifest): Iterable<Found> {
  for (const [id, { timeout }] of Object.entries(manifest.actions ?? {})) {
    if (timeout === undefined || milliseconds(timeout) <= longestRequest) continue;
    yield { path: ["actions", id, "timeout"], message: "A workflow waits for the answer; it may take at most 5m." };
  }
}

export const refreshRules: readonly Rule[] = [
  { code: "key_without_effect", check: withoutEffect },
  { code: "needs_user", check: needsPerson },
  { code: "lifetime_conflict", check: lifetimes },
  { code: "interval_too_short", check: tooOften },
  { code: "timeout_too_long", check: longTests },
  { code: "timeout_too_long", check: longActions },
];
