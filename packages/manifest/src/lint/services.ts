// What happens to requests that the provider sends: events need a parser, an owner, and a check that they are genuine.

import { idle } from "./grants.ts";
import type { CheckedManifest, Found, Rule } from "./rule.ts";

type Services = NonNullable<CheckedManifest["manifest"]["services"]>;

const parsers = ["webhook_parser", "action_callback_parser"] as const;

const parsersOf = (services: Services | undefined) => parsers.filter((key) => services?.[key] !== undefined);

function* mapperMissing({ manifest: { services } }: CheckedManifest): Iterable<Found> {
  const [parser] = parsersOf(services);
  if (parser === undefined || services?.user_id_mapper !== undefined) return;
  const message = "Nothing says which connections an event belongs to: `services.user_id_mapper` is missing.";
  yield { path: ["services", parser], on: "key", message };
}

const mapperNeeds = { hook: [], unique_id: ["value"], lookup: ["request", "value"] } as const;

function* mapperIncomplete({ manifest: { services } }: CheckedManifest): Iterable<Found> {
  const mapper = services?.user_id_mapper;
  if (!mapper) return;
  for (const key of mapperNeeds[mapper.match]) {
    if (mapper[key] !== undefined) continue;
    yield { path: ["services", "user_id_mapper", "match"], message: `\`match: ${mapper.match}\` needs \`${key}\`.` };
  }
}

function* verificationMissing({ manifest: { services } }: CheckedManifest): Iterable<Found> {
  const [parser] = parsersOf(services);
  if (parser === undefined) return;
  const verification = services?.webhook_verification;
  if (verification?.signature || verification?.token || verification?.none) return;
  yield verification
    ? { path: ["services", "webhook_verification"], on: "key", message: "A challenge alone does not tell who sends an event." }
    : {
        path: ["services", parser],
        on: "key",
        message: "Anybody could send events: `services.webhook_verification` is missing.",
      };
}

function* verificationUnclear({ manifest: { services } }: CheckedManifest): Iterable<Found> {
  const verification = services?.webhook_verification;
  if (!verification) return;
  const path = ["services", "webhook_verification"];
  const { none, signature, token } = verification;
  if (none !== undefined && (signature || token)) {
    yield { path: [...path, "none"], on: "key", message: "`none` stands beside a way to verify." };
  }
  if (token && (token.header === undefined) === (token.query === undefined)) {
    const what = token.header === undefined ? "neither `header` nor `query`" : "both `header` and `query`";
    yield { path: [...path, "token"], on: "key", message: `The shared secret has ${what}.` };
  }
}

function* unverified({ manifest: { services } }: CheckedManifest): Iterable<Found> {
  if (services?.webhook_verification?.none === undefined || parsersOf(services).length === 0) return;
  yield { path: ["services", "webhook_verification", "none"], on: "key", message: "Whoever knows the URL can send events." };
}

function* parserMissing({ manifest: { triggers, services } }: CheckedManifest): Iterable<Found> {
  if (parsersOf(services).length > 0) return;
  for (const [id, trigger] of Object.entries(triggers ?? {})) {
    if (trigger.type !== "webhook") continue;
    yield {
      path: ["triggers", id],
      on: "key",
      message: `Nothing reads the events of \`${id}\`: \`services.webhook_parser\` is missing.`,
    };
  }
}

function* subscriptionMissing({ manifest: { triggers } }: CheckedManifest): Iterable<Found> {
  for (const [id, trigger] of Object.entries(triggers ?? {})) {
    if (trigger.type !== "webhook" || trigger.subscribe || trigger.manual !== undefined) continue;
    yield { path: ["triggers", id], on: "key", message: `Nothing makes the provider send the events of \`${id}\`.` };
  }
}

function* eventNames({ manifest: { triggers } }: CheckedManifest): Iterable<Found> {
  for (const [id, trigger] of Object.entries(triggers ?? {})) {
    if (trigger.type !== "webhook") continue;
    for (const [index, event] of trigger.events.entries()) {
      if (!event.slice(0, -1).includes("*")) continue;
      const path = ["triggers", id, "events", index];
      yield {
        path,
        message: `\`${event}\` has a \`*\` before its end.`,
        hint: "A `*` may only stand at the end, as in `order.*`.",
      };
    }
  }
}

function* withoutEffect({ manifest: { triggers, services } }: CheckedManifest): Iterable<Found> {
  for (const [id, trigger] of Object.entries(triggers ?? {})) {
    if (trigger.type !== "webhook" || !trigger.unsubscribe || trigger.subscribe) continue;
    yield idle(["triggers", id, "unsubscribe"], "there is no `subscribe`");
  }
  const mapper = services?.user_id_mapper;
  for (const key of ["request", "cache"] as const) {
    if (mapper?.[key] !== undefined && mapper.match !== "lookup") {
      yield idle(["services", "user_id_mapper", key], "it belongs to `match: lookup`");
    }
  }
  if (mapper?.value !== undefined && mapper.match === "hook") {
    yield idle(["services", "user_id_mapper", "value"], "with `match: hook` the URL tells the connection");
  }
  if (parsersOf(services).length > 0) return;
  for (const key of ["user_id_mapper", "webhook_verification"] as const) {
    if (services?.[key] !== undefined) yield idle(["services", key], "nothing reads events");
  }
}

export const serviceRules: readonly Rule[] = [
  { code: "mapper_missing", check: mapperMissing },
  { code: "mapper_incomplete", check: mapperIncomplete },
  { code: "verification_missing", check: verificationMissing },
  { code: "verification_unclear", check: verificationUnclear },
  { code: "events_not_verified", check: unverified },
  { code: "parser_missing", check: parserMissing },
  { code: "subscription_missing", check: subscriptionMissing },
  { code: "bad_format", check: eventNames },
  { code: "key_without_effect", check: withoutEffect },
];
