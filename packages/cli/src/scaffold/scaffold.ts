// A connector to begin with: it validates and its test passes, and everything that must be replaced says so.

import { mkdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Io } from "../command.ts";
import { schemaText } from "../commands/schema.ts";
import { test } from "../commands/test.ts";

export interface Scaffold {
  readonly name: string;
  readonly title: string;
  readonly baseUrl: string;
  readonly auth: AuthKind;
}

interface Kind {
  /** The lines of the auth block above what every one has. */
  lines(origin: string): readonly string[];
  /** What the person enters in the test, and whether a token request comes before the test call. */
  readonly fields: string | undefined;
  readonly hasToken: boolean;
}

/** Every way to connect that a connector can begin with. */
export const authKinds = {
  oauth2: {
    lines: (origin) => [
      "  oauth:",
      "    type: oauth2",
      "    grant: authorization_code",
      "    setup: |",
      "      1. Create an OAuth app at the provider.",
      "      2. Enter `{{ platform.redirect_uri }}` as its redirect URL.",
      "      3. Copy the client ID and the client secret.",
      "    # Scopes that every connection needs, each with its reason in words for the person who consents.",
      "    scopes:",
      "      required: [{ name: read, reason: See whose account this is. }]",
      "    # The three URLs stand in the provider's documentation of OAuth.",
      `    authorization: { url: ${origin}/oauth/authorize }`,
      `    token: { url: ${origin}/oauth/token }`,
      `    revocation: { url: ${origin}/oauth/revoke }`,
    ],
    fields: undefined,
    hasToken: true,
  },
  client_credentials: {
    lines: (origin) => [
      "  machine:",
      "    type: oauth2",
      "    grant: client_credentials",
      "    # The person enters client ID and secret; `app` instead, if one client serves everybody.",
      "    client: { source: connection, authentication: client_secret_basic }",
      `    token: { url: ${origin}/oauth/token }`,
      `    revocation: { url: ${origin}/oauth/revoke }`,
    ],
    fields: "{ client_id: CID, client_secret: CSEC }",
    hasToken: true,
  },
  api_key: {
    lines: () => [
      "  key:",
      "    type: api_key",
      "    fields:",
      "      - { name: api_key, label: API key, secret: true, required: true, help: Say here where people find it. }",
      '    apply: { name: X-Api-Key, value: "{{ fields.api_key }}" }',
    ],
    fields: "{ api_key: KEY }",
    hasToken: false,
  },
  basic: {
    lines: () => [
      "  basic:",
      "    type: basic",
      "    fields:",
      "      - { name: username, label: User name, required: true }",
      "      - { name: password, label: Password, secret: true, required: true, help: Say here which password is meant. }",
    ],
    fields: "{ username: jane, password: hush }",
    hasToken: false,
  },
  bearer: {
    lines: () => [
      "  token:",
      "    type: bearer",
      "    fields:",
      "      - { name: token, label: Access token, secret: true, required: true, help: Say here where people create one. }",
    ],
    fields: "{ token: TOKEN }",
    hasToken: false,
  },
} as const satisfies Record<string, Kind>;

export type AuthKind = keyof typeof authKinds;

const quiet: Io = { out: () => undefined, error: () => undefined, colour: false };

/** The schemas that editors look for beside the folders of connectors, by the kind of file that they are of. */
const schemas = { "connector.schema.json": "manifest", "test.schema.json": "test" } as const;

/** Writes the folder, and the schemas if they are not there yet, and gives the paths of what was written; undefined if the folder exists. */
export async function writeScaffold(out: string, scaffold: Scaffold): Promise<string[] | undefined> {
  const folder = join(out, scaffold.name);
  if (await stat(folder).catch(() => undefined)) return undefined;
  await mkdir(folder, { recursive: true });
  const files = { "connector.yaml": manifest(scaffold), "test.yaml": testFile(scaffold), "icon.svg": icon };
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text, { flag: "wx" });
  const written = Object.keys(files).map((name) => join(folder, name));
  for (const [name, kind] of Object.entries(schemas)) {
    const schema = join(out, name);
    if (await stat(schema).catch(() => undefined)) continue;
    await writeFile(schema, schemaText(kind), { flag: "wx" });
    written.push(schema);
  }
  // What the engine sends is written down by the test itself.
  await test.run([folder, "--update"], quiet);
  return written;
}

/** A text in YAML, whatever stands in it. */
const quoted = (text: string) =>
  /^[A-Za-z][A-Za-z0-9 .-]*$/.test(text) && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(text)
    ? text.trim()
    : JSON.stringify(text);

function manifest({ name, title, baseUrl, auth }: Scaffold): string {
  const base = baseUrl.replace(/\/+$/, "");
  return [
    "# yaml-language-server: $schema=../connector.schema.json",
    "manifest: 1",
    `name: ${name}`,
    `title: ${quoted(title)}`,
    "version: 1.0.0",
    `base_url: ${base}`,
    "",
    "auth:",
    ...authKinds[auth].lines(new URL(base).origin),
    "    # A cheap request that says whose credential this is. Its answer is `me`; `sample` is one, for checks without a network.",
    "    test:",
    "      request: { path: /me }",
    '      sample: { id: "1", name: Jane }',
    `    label: { template: "{{ me.name }}", fallback: ${JSON.stringify(`${title.replaceAll("{", "(")} {{ connection.short_id }}`)} }`,
    "    # What tells one account from another and never changes hands.",
    "    unique_id: me.id",
    "",
    "actions:",
    "  get_item:",
    "    title: Get an item",
    "    input:",
    "      item_id: { label: Item, required: true, help: Say here where people find it. }",
    '    request: { path: "/items/{{ input.item_id }}" }',
    "    output: \"{ 'id': body.id, 'name': body.name }\"",
    "",
  ].join("\n");
}

function testFile({ auth }: Scaffold): string {
  const { fields, hasToken }: Kind = authKinds[auth];
  return [
    "# yaml-language-server: $schema=../test.schema.json",
    "# What the provider answers is made up here; `jackfield test --update` writes what the engine sends and what comes of it.",
    "cases:",
    "  - name: Somebody connects and gets an item",
    ...(fields === undefined ? [] : [`    fields: ${fields}`]),
    "    exchanges:",
    ...(hasToken ? ["      - answer: { body: { access_token: AT, expires_in: 3600 } }"] : []),
    '      - answer: { body: { id: "1", name: Jane } }',
    "    actions:",
    "      - name: get_item",
    '        input: { item_id: "7" }',
    "        exchanges:",
    '          - answer: { body: { id: "7", name: Seven, colour: blue } }',
    "",
  ].join("\n");
}

const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 48 48" fill="none">
  <rect width="48" height="48" rx="10" fill="#5b6472"/>
  <path d="M18 10v8M30 10v8M14 18h20v6a10 10 0 0 1-20 0zM24 34v6" stroke="#fff" stroke-width="3" stroke-linecap="round" stroke-linejoin="round"/>
</svg>
`;
