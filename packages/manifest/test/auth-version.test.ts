import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { withLiveParts } from "../src/auth-version.ts";
import { compile, restore } from "../src/compile.ts";
import type { Auth, AuthVersion, Connector, OAuth2 } from "../src/connector.ts";

const manifest = `manifest: 1
name: acme
title: Acme
base_url: https://{{ env.host }}/v1
environments:
  production: { host: api.acme.example }
  sandbox: { host: sandbox.acme.example }
auth:
  oauth:
    type: oauth2
    grant: authorization_code
    title: Sign in
    description: With your account.
    setup: Register an app.
    fields:
      - { name: site, label: Site, help: The first part of the address., required: true, pattern: "[a-z]{1,20}" }
    client: { authentication: client_secret_basic, fields: [{ name: team, label: Team }] }
    scopes: { required: [{ name: read, reason: Reads. }], optional: [{ name: write, reason: Writes. }] }
    authorization:
      url: https://{{ fields.site }}.acme.example/authorize
      pkce: { none: It refuses the parameter. }
      params: { prompt: consent, team: "{{ app.team }}" }
    token: { url: https://login.acme.example/token, params: { label: one, title: two } }
    refresh: { leeway: 5m }
    revocation: { none: It has no such endpoint. }
    whitelist: ["https://{{ env.host }}"]
    test: { request: { path: /me }, sample: { id: 1 } }
    label: "{{ me.name }}"
    unique_id: me.id
    default_params: { headers: { Api-Version: "1" } }
actions:
  list: { title: List, scopes: [write], request: { path: /items } }
`;

function compiled(text: string, bases: Readonly<Record<string, string>> = {}): Connector {
  const { connector, problems } = compile(text, {
    file: "connector.yaml",
    bases: { text: (name) => bases[name], names: () => Object.keys(bases) },
  });
  expect(problems.filter(({ severity }) => severity === "error")).toEqual([]);
  if (!connector) throw new Error("no connector");
  return connector;
}

function versionOf(connector: Connector, environment = "production"): AuthVersion {
  const version = Object.values(connector.auth)[0]?.versions[environment];
  if (!version) throw new Error("no version");
  return version;
}

function changed(from: string, to: string): Connector {
  expect(manifest).toContain(from);
  return compiled(manifest.replace(from, to));
}

const before = versionOf(compiled(manifest));

describe("a change that makes a new version:", () => {
  test.each([
    ["the token endpoint", "https://login.acme.example/token", "https://evil.example/token"],
    ["the authorization endpoint", "acme.example/authorize", "acme.example/oauth/authorize"],
    ["a parameter of the authorization request", "prompt: consent", "prompt: login"],
    ["a parameter of the token request that is called like a word", "label: one", "label: other"],
    ["another such parameter", "title: two", "title: other"],
    ["how the client proves itself", "client_secret_basic", "client_secret_post"],
    ["the whitelist", 'whitelist: ["https://{{ env.host }}"]', 'whitelist: ["https://{{ env.host }}", "https://evil.example"]'],
    ["base_url", "base_url: https://{{ env.host }}/v1", "base_url: https://{{ env.host }}/v2"],
    ["a variable of the environment", "host: api.acme.example", "host: evil.example"],
    ["the refresh", "leeway: 5m", "leeway: 6m"],
    ["the identity", "unique_id: me.id", "unique_id: me.account"],
    ["a field's pattern", "[a-z]{1,20}", "[a-z]{1,63}"],
    ["a field's type", "{ name: site,", "{ name: site, type: text,"],
    ["the proof key", "pkce: { none: It refuses the parameter. }", "pkce: S256"],
    ["a revocation", "{ none: It has no such endpoint. }", "{ url: https://login.acme.example/revoke }"],
    ["where the credential goes", "    label:", '    apply: { name: X-Token, value: "{{ token.access_token }}" }\n    label:'],
    [
      "what is looked up",
      "    label:",
      '    after_connect: [{ request: { path: /t }, capture: { t: { value: body.id, pattern: "[0-9]+" } } }]\n    label:',
    ],
    ["how scopes are written", "scopes: { required", 'scopes: { separator: ",", required'],
    ["the issuer", "    label:", "    issuer: https://login.acme.example\n    label:"],
  ])("%s", (_what, from, to) => {
    expect(versionOf(changed(from, to)).id).not.toBe(before.id);
  });

  test("the connector's or the block's name", () => {
    expect(versionOf(changed("name: acme", "name: other")).id).not.toBe(before.id);
    expect(versionOf(changed("  oauth:", "  login:")).id).not.toBe(before.id);
  });
});

describe("a change that makes none:", () => {
  test.each([
    ["a title", "title: Acme", "title: Acme Inc"],
    ["the block's title", "title: Sign in", "title: Log in"],
    ["a description", "With your account.", "With your own account."],
    ["the set-up", "Register an app.", "Register an application."],
    ["a field's label", "label: Site", "label: Subdomain"],
    ["a field's help", "The first part of the address.", "What stands before .acme.example."],
    ["that a field is required", ", required: true", ""],
    ["the words of a field of the app", "label: Team", "label: Team's name"],
    ["a scope's reason", "reason: Reads.", "reason: Reads your items."],
    ["a further scope", "required: [", "required: [{ name: admin, reason: Manages. }, "],
    ["why there is no proof key", "It refuses the parameter.", "It answers 500."],
    ["why there is no revocation", "It has no such endpoint.", "There is none."],
    ["the label", '"{{ me.name }}"', "{ template: '{{ me.email }}', mask: partial }"],
    ["the test", "path: /me }, sample: { id: 1 }", "path: /users/me }, sample: { id: 2 }"],
    ["the parameters of every call", 'Api-Version: "1"', 'Api-Version: "2"'],
    ["an action", "path: /items", "path: /things"],
    ["the order of keys", 'prompt: consent, team: "{{ app.team }}"', 'team: "{{ app.team }}", prompt: consent'],
    ["how the YAML is written", "refresh: { leeway: 5m }", "refresh:\n      # Five minutes.\n      'leeway': \"5m\""],
  ])("%s", (_what, from, to) => {
    expect(versionOf(changed(from, to)).id).toBe(before.id);
  });

  test("another environment, or what another environment says", () => {
    expect(versionOf(changed("  sandbox: {", "  europe: { host: eu.acme.example }\n  sandbox: {")).id).toBe(before.id);
    const sandbox = changed("host: sandbox.acme.example", "host: test.acme.example");
    expect(versionOf(sandbox).id).toBe(before.id);
    expect(versionOf(sandbox, "sandbox").id).not.toBe(versionOf(compiled(manifest), "sandbox").id);
  });

  test("a block whose parts all do not count", () => {
    const bare = manifest.replace(/ {4}scopes:.*\n/, "").replace("scopes: [write], ", "");
    expect(versionOf(compiled(bare)).id).toBe(before.id);
  });
});

test("what is inherited counts as if it were written", () => {
  const base = manifest.replace("name: acme", "name: base").replace("title: Acme", "title: Base");
  const child = "manifest: 1\nname: acme\nextends: base\ntitle: Acme\n";
  expect(versionOf(compiled(child, { base })).id).toBe(before.id);
  const moved = base.replace("https://login.acme.example/token", "https://evil.example/token");
  expect(versionOf(compiled(child, { base: moved })).id).not.toBe(before.id);
});

test("the block's own base_url counts in place of the connector's", () => {
  const own = manifest.replace("    title: Sign in\n", "    title: Sign in\n    base_url: https://{{ env.host }}/v1\n");
  expect(versionOf(compiled(own)).id).toBe(before.id);
  const moved = own.replace("base_url: https://{{ env.host }}/v1\nenv", "base_url: https://other.example\nenv");
  expect(versionOf(compiled(moved)).id).toBe(before.id);
});

test("a stored definition gives back the block, for its environment alone", () => {
  const connector = restore(versionOf(compiled(manifest), "sandbox").definition);
  expect(connector.environments).toEqual({ sandbox: { host: "sandbox.acme.example" } });
  expect(connector.actions).toEqual({});
  const auth = connector.auth.oauth as OAuth2;
  expect(auth.token.url.source).toBe("https://login.acme.example/token");
  expect(auth.whitelist.map(({ source }) => source)).toEqual(["https://{{ env.host }}"]);
  expect(versionOf(connector, "sandbox")).toEqual(versionOf(compiled(manifest), "sandbox"));
});

test("a stored definition is not judged by rules that it could not know", () => {
  const { definition } = versionOf(compiled(manifest));
  const plain = restore(definition.replace("https://login.acme.example/token", "http://login.acme.example/token"));
  expect((plain.auth.oauth as OAuth2).token.url.source).toBe("http://login.acme.example/token");
  expect(() => restore(definition.replace('"me.id"', '"me.("'))).toThrow("`auth.oauth.unique_id` is not understood");
});

test("an earlier version has the live parts of today, and nothing else", () => {
  const now = compiled(
    manifest
      .replaceAll("login.acme.example", "evil.example")
      .replace("https://{{ env.host }}/v1", "https://evil.example")
      .replace('"https://{{ env.host }}"', "https://evil.example")
      .replace("path: /me", "path: /users/me")
      .replace('Api-Version: "1"', 'Api-Version: "2"')
      .replace("required: [", "required: [{ name: admin, reason: Manages. }, "),
  ).auth.oauth as OAuth2;
  const kept = restore(before.definition).auth.oauth as OAuth2;
  const auth = withLiveParts(kept, now) as OAuth2;
  expect(auth.test?.request.path?.source).toBe("/users/me");
  expect(auth.default_params).toEqual(now.default_params);
  expect(auth.scopes.required.map(({ name }) => name)).toEqual(["admin", "read"]);
  const { test: _t, label: _l, title: _n, default_params: _d, scopes: _s, ...rest } = auth;
  expect(JSON.stringify(rest)).not.toContain("evil");
  expect(rest).toEqual(expect.objectContaining({ token: kept.token, whitelist: kept.whitelist, base_url: kept.base_url }));
  expect(withLiveParts(kept, { ...now, type: "bearer" } as unknown as Auth)).toMatchObject({ type: "oauth2", token: kept.token });
});

const folder = join(import.meta.dirname, "../../../connectors");
const texts = new Map(
  readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => [name, readFileSync(join(folder, name, "connector.yaml"), "utf8")]),
);

test("every block of every connector of the folder comes back from its definition as it was", () => {
  for (const text of texts.values()) {
    const connector = compiled(text, Object.fromEntries(texts));
    for (const auth of Object.values(connector.auth)) {
      for (const [environment, version] of Object.entries(auth.versions)) {
        const back = restore(version.definition).auth[auth.id];
        expect(back?.versions).toEqual({ [environment]: version });
        expect(JSON.stringify({ ...back, versions: null })).toBe(JSON.stringify({ ...auth, versions: null }));
      }
    }
  }
});
