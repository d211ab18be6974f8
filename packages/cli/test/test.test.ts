import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { difference, fits, settled } from "../src/connector-test/compare.ts";
import { eachInFolder, jackfield } from "./command-line.ts";

const folder = eachInFolder();

const write = (path: string, text: string) => folder.write(path, text);

const ran = (...args: string[]) => jackfield("test", ...args);

const manifest = `manifest: 1
name: acme
title: Acme
base_url: https://api.acme.example/v1
auth:
  oauth:
    type: oauth2
    grant: authorization_code
    scopes: { required: [{ name: read, reason: Read. }] }
    authorization: { url: https://login.acme.example/authorize }
    callback: { capture: { region: { param: region, pattern: "^[a-z]{2}$" } } }
    token: { url: https://login.acme.example/token, capture: { team: { value: team.id, pattern: "^[A-Z0-9]+$" } } }
    revocation: { url: https://login.acme.example/revoke, tokens: [refresh_token] }
    test: { request: { path: /me } }
    label: "{{ me.name }} at {{ token.team }}"
    unique_id: me.id
  key:
    type: api_key
    fields: [{ name: api_key, secret: true, required: true }]
    test: { request: { path: /me } }
    label: "{{ me.name }}'s key"
    unique_id: me.id
actions:
  list_items:
    title: List items
    input: { limit: { type: number, default: 2 } }
    request: { path: /items, query: { limit: "{{ input.limit }}" } }
    paginate: { items: body.items, next: body.next, send: { query: { cursor: "{{ page.cursor }}" } } }
    output: "{ 'id': id }"
  add_item:
    title: Add an item
    input: { name: { required: true } }
    request: { method: POST, path: /items, body: { name: "{{ input.name }}" } }
    error: body.message
`;

const given = `# Made up.
cases:
  - name: a person signs in
    callback: { code: CODE, region: eu }
    exchanges:
      # The token
      - answer: { body: { access_token: AT, refresh_token: RT, expires_in: 3600, team: { id: T1 } } }
      - answer: { body: { id: 7, name: Jane } }
    actions:
      - name: list_items
        exchanges:
          - answer: { body: { items: [{ id: 1 }, { id: 2 }], next: c2 } }
          - answer: { body: { items: [{ id: 3 }] } }
      - name: add_item
        input: { name: New }
        exchanges: [{ answer: { status: 409, body: { message: It is there already. } } }]
    refresh:
      exchanges:
        - answer: { body: { access_token: AT2, expires_in: 60 } }
    disconnect: { exchanges: [{ answer: {} }] }
    whitelist:
      allowed: [https://api.acme.example/v1/x]
      refused: [https://api.acme.example/v2, http://api.acme.example/v1, https://api.acme.example.evil.example/v1, nonsense]
  - name: the key is refused
    auth: key
    fields: { api_key: secret-key }
    exchanges: [{ answer: { status: 401, body: { error: no } } }]
`;

/** A connector with a test.yaml that passes. Gives the file. */
async function written(): Promise<string> {
  write("acme/connector.yaml", manifest);
  const file = write("acme/test.yaml", given);
  expect(await ran(join(folder.path, "acme"), "--update")).toEqual({
    code: 0,
    out: `${file} is written.\n1 connector, 2 cases, 0 failed\n`,
    error: "",
  });
  return file;
}

const replaceIn = (file: string, from: string | RegExp, to: string) => {
  const text = readFileSync(file, "utf8");
  expect(text).toMatch(from);
  writeFileSync(file, text.replace(from, to));
};

test("--update writes what the engine makes, and keeps comments and what the author gave", async () => {
  const file = await written();
  const text = readFileSync(file, "utf8");
  expect(text).toContain("# Made up.\ncases:\n  - name: a person signs in\n    callback: { code: CODE, region: eu }\n");
  expect(text).toContain(`      # The token
      - request:
          method: POST
          url: https://login.acme.example/token
          headers: { accept: application/json, content-type: application/x-www-form-urlencoded }
          body: grant_type=authorization_code&code=CODE&redirect_uri=https%3A%2F%2Fjackfield.example%2Foauth%2Fcallback%2Facme&code_verifier=fixed-random-text-of-the-connector-tests-00&client_id=CLIENT_ID&client_secret=CLIENT_SECRET
        answer: { body: { access_token: AT, refresh_token: RT, expires_in: 3600, team: { id: T1 } } }
`);
  expect(text).toContain(`      status: connected
      label: Jane at T1
      unique_id: "7"
      scopes: [read]
      expires_in: 3600
      captures:
        callback:
          region: eu
        token:
          team: T1
`);
  expect(text).toContain("url: https://api.acme.example/v1/items?limit=2&cursor=c2\n");
  expect(text).toContain("        error:\n          code: provider_refused\n          message: It is there already.\n");
  expect(text).toContain("body: grant_type=refresh_token&refresh_token=RT&client_id=CLIENT_ID&client_secret=CLIENT_SECRET\n");
  expect(text).toContain("body: token=RT&token_type_hint=refresh_token&client_id=CLIENT_ID&client_secret=CLIENT_SECRET\n");
  expect(text).toContain("        provider_revoked: true\n");
  expect(text).toContain("authorization: Bearer secret-key");
  expect(text).toContain("      status: error\n");
});

test("what was written passes, and is not written again", async () => {
  const file = await written();
  const text = readFileSync(file, "utf8");
  expect(await ran(join(folder.path, "acme"))).toEqual({ code: 0, out: "1 connector, 2 cases, 0 failed\n", error: "" });
  expect((await ran(join(folder.path, "acme"), "--update")).out).toBe("1 connector, 2 cases, 0 failed\n");
  expect(readFileSync(file, "utf8")).toBe(text);
});

test.each([
  [
    "the URL of a request",
    "url: https://login.acme.example/token",
    "url: https://login.acme.example/t",
    "exchanges[1].request differs",
  ],
  ["a header", "authorization: Bearer AT }", "authorization: Bearer XX }", "exchanges[2].request differs"],
  ["a body", "code=CODE&", "code=OTHER&", "exchanges[1].request differs"],
  ["the authorization URL", "&scope=read&", "&scope=write&", "expect differs"],
  ["the label", "label: Jane at T1", "label: Joan at T1", "expect differs"],
  ["the unique id", 'unique_id: "7"', "unique_id: 7", "expect differs"],
  ["a capture", "region: eu\n", "region: us\n", "expect differs"],
  ["the lifetime", "expires_in: 3600\n", "expires_in: 3599\n", "expect differs"],
  ["an action's output", "- id: 3", "- id: 4", "actions[1].output differs"],
  ["an action's error", "code: provider_refused", "code: provider_failed", "actions[2].error differs"],
  ["the refresh", "refresh_token=RT&", "refresh_token=AT&", "refresh.exchanges[1].request differs"],
  ["the revocation", "token=RT&token_type", "token=AT&token_type", "disconnect.exchanges[1].request differs"],
  ["an allowed URL", "allowed: [https://api.acme.example/v1/x", "allowed: [https://api.acme.example/x", "whitelist.allowed[1]"],
  ["a refused URL", "refused: [https://api.acme.example/v2", "refused: [https://api.acme.example/v1", "whitelist.refused[1]"],
])("another %s fails, and the place is shown", async (_what, from, to, words) => {
  const file = await written();
  replaceIn(file, from, to);
  const { code, out } = await ran(join(folder.path, "acme"));
  expect(code).toBe(1);
  expect(out).toMatch(new RegExp(`^${file}:[0-9]+:[0-9]+  a person signs in: ${words.replace(/[[\].]/g, "\\$&")}`, "m"));
  expect(out).toMatch(/1 connector, 2 cases, 1 failed\n$/);
});

test("a change of the manifest shows as a difference, line by line", async () => {
  await written();
  write("acme/connector.yaml", manifest.replace("query: { limit: ", "query: { per_page: "));
  const { out } = await ran(join(folder.path, "acme"));
  expect(out).toContain(
    "  - url: https://api.acme.example/v1/items?limit=2\n  + url: https://api.acme.example/v1/items?per_page=2\n",
  );
});

test("a request without an answer is named, and of that case only its requests are written", async () => {
  write("acme/connector.yaml", manifest);
  const file = write(
    "acme/test.yaml",
    "cases:\n  - callback: { code: CODE, region: eu }\n    exchanges: [{ answer: { body: { access_token: AT, team: { id: T1 } } } }]\n",
  );
  const { code, out } = await ran(join(folder.path, "acme"), "--update");
  expect([code, out]).toEqual([
    1,
    expect.stringContaining("exchanges[2]\n  GET https://api.acme.example/v1/me is made here and has no answer."),
  ]);
  const text = readFileSync(file, "utf8");
  expect([text.includes("code=CODE"), text.includes("expect")]).toEqual([true, false]);
});

test("an answer that nothing asks for is a failure", async () => {
  const file = await written();
  replaceIn(file, /(\n {8}answer: \{ body: \{ id: 7, name: Jane \} \})/, "$1\n      - answer: {}");
  const { code, out } = await ran(join(folder.path, "acme"));
  expect([code, out]).toEqual([1, expect.stringContaining("exchanges[3]\n  This request was not made.")]);
});

test("what a case asks for is checked as the engine does it: an undeclared field, a code without its capture", async () => {
  write("acme/connector.yaml", manifest);
  const cases = `cases:
  - { auth: key, fields: { other: x } }
  - { callback: { code: CODE, region: europe } }
`;
  const file = write("acme/test.yaml", cases);
  await ran(join(folder.path, "acme"), "--update");
  const text = readFileSync(file, "utf8");
  expect(text).toContain("code: field_invalid");
  expect(text).toContain("code: capture_refused");
});

test("a case's scopes are asked for, so that an action that needs one can be tried", async () => {
  const optional = "optional: [{ name: write, reason: Write. }]";
  const scoped = manifest
    .replace("reason: Read. }] }", `reason: Read. }], ${optional} }`)
    .replace("    input: { name: { required: true } }", "    scopes: [write]\n    input: { name: { required: true } }");
  write("acme/connector.yaml", scoped);
  const file = write(
    "acme/test.yaml",
    `cases:
  - scopes: [write]
    callback: { code: CODE, region: eu }
    exchanges:
      - answer: { body: { access_token: AT, team: { id: T1 } } }
      - answer: { body: { id: 7, name: Jane } }
    actions: [{ name: add_item, input: { name: New }, exchanges: [{ answer: { body: { id: 9 } } }] }]
`,
  );
  expect((await ran(join(folder.path, "acme"), "--update")).code).toBe(0);
  const text = readFileSync(file, "utf8");
  expect(text).toContain("scope=read%20write");
  expect(text).toContain("POST");
  expect(text).not.toContain("scope_missing");
});

describe("other ways to connect", () => {
  async function update(auth: string, cases: string): Promise<string> {
    const head = manifest.slice(0, manifest.indexOf("auth:"));
    write(
      "acme/connector.yaml",
      `${head}auth:\n  main:\n${auth.replace(/^(?=.)/gm, "    ")}    test: { request: { path: /me } }\n    label: "{{ me.name }}"\n    unique_id: me.id\n`,
    );
    const file = write("acme/test.yaml", cases);
    expect(await ran(join(folder.path, "acme"), "--update")).toEqual({ code: 0, out: expect.anything(), error: "" });
    expect(await ran(join(folder.path, "acme"))).toMatchObject({ code: 0, error: "" });
    return readFileSync(file, "utf8");
  }

  test("OAuth 1.0a signs in with the temporary credentials that came", async () => {
    const text = await update(
      `type: oauth1
request_token: { url: https://login.acme.example/request }
authorization: { url: https://login.acme.example/authorize }
token: { url: https://login.acme.example/access }
`,
      `cases:
  - callback: { oauth_verifier: V }
    exchanges:
      - answer: { body: "oauth_token=RT&oauth_token_secret=RS&oauth_callback_confirmed=true" }
      - answer: { body: oauth_token=AT&oauth_token_secret=AS }
      - answer: { body: { id: 1, name: Jane } }
`,
    );
    expect(text).toContain("authorization_url: https://login.acme.example/authorize?oauth_token=RT\n");
    expect(text).toMatch(/oauth_nonce="[0-9a-f]{32}".*oauth_timestamp="1767225600", oauth_token="AT"/);
    expect(text).toContain("label: Jane\n");
  });

  test("a code for another device is asked about until the answers say that it was confirmed", async () => {
    const device = `type: oauth2
grant: device_code
client: { authentication: none }
device: { url: https://login.acme.example/device }
token: { url: https://login.acme.example/token }
revocation: { none: There is no way. }
`;
    const codes = `{ device_code: DC, user_code: ABCD-EFGH, verification_uri: "https://acme.example/device", expires_in: 900 }`;
    const text = await update(
      device,
      `cases:
  - name: confirmed
    exchanges:
      - answer: { body: ${codes} }
      - answer: { status: 400, body: { error: authorization_pending } }
      - answer: { status: 400, body: { error: slow_down } }
      - answer: { body: { access_token: AT, expires_in: 60 } }
      - answer: { body: { id: 1, name: Jane } }
  - name: refused
    exchanges:
      - answer: { body: ${codes} }
      - answer: { status: 400, body: { error: access_denied } }
`,
    );
    expect(text).toContain("url: https://login.acme.example/device\n");
    expect(text.match(/body: grant_type=urn.*device_code=DC&client_id=CLIENT_ID/g)).toHaveLength(4);
    expect(text).toContain("authorization_url: https://acme.example/device\n");
    expect(text).toContain("label: Jane\n");
    expect(text).toContain("expires_in: 60\n");
    expect(text).toContain("code: access_denied");
  });

  test("a code for another device for which the answers end is named, and nothing is asked on", async () => {
    const head = manifest.slice(0, manifest.indexOf("auth:"));
    write(
      "acme/connector.yaml",
      `${head}auth:
  main:
    type: oauth2
    grant: device_code
    device: { url: https://login.acme.example/device }
    token: { url: https://login.acme.example/token }
    revocation: { none: There is no way. }
    test: { request: { path: /me } }
    label: "{{ me.name }}"
    unique_id: me.id
`,
    );
    write(
      "acme/test.yaml",
      `cases: [{ exchanges: [{ answer: { body: { device_code: DC, user_code: A, verification_uri: "https://a.example/" } } }] }]\n`,
    );
    const { code, out, error } = await ran(join(folder.path, "acme"));
    expect(code).toBe(1);
    expect(`${out}${error}`.match(/is made here and has no answer/g)).toHaveLength(1);
  });

  test("a signed callback is signed by the test where it says <hmac>, and checked by the engine", async () => {
    const auth = `type: oauth2
grant: authorization_code
authorization: { url: https://login.acme.example/authorize }
callback: { verify: { param: hmac } }
token: { url: https://login.acme.example/token }
revocation: { none: There is no way. }
`;
    const text = await update(
      auth,
      `cases:
  - name: signed
    callback: { code: CODE, shop: x, hmac: <hmac> }
    exchanges: [{ answer: { body: { access_token: AT } } }, { answer: { body: { id: 1, name: Jane } } }]
  - name: forged
    callback: { code: CODE, shop: x, hmac: "00" }
`,
    );
    expect(text).toContain("status: connected");
    expect(text).toContain("code: signature_invalid");
  });

  test("assertions are signed with published keys, and a random signature is masked", async () => {
    const text = await update(
      `type: oauth2
grant: jwt_bearer
fields: [{ name: private_key, label: Acme private key, type: text, secret: true, required: true }]
client: { source: none }
assertion: { algorithm: ES256, key: "{{ fields.private_key }}", claims: { iss: me } }
token: { url: https://login.acme.example/token }
revocation: { none: There is no way. }
`,
      `cases:
  - fields: { private_key: <ec-private-key> }
    exchanges: [{ answer: { body: { access_token: AT, expires_in: 60 } } }, { answer: { body: { id: 1, name: Jane } } }]
`,
    );
    // Nobody brings a client, so nothing of one is sent.
    expect(text).toMatch(/body: grant_type=[^&]+&assertion=eyJ[\w-]+\.eyJ[\w-]+\.<signature>\n/);
  });
});

describe("a test.yaml that is not one", () => {
  test.each([
    ["cases: []", 1, "cases must NOT have fewer than 1 items."],
    ["cases:\n  - { auht: x }", 2, "`auht` is not a key here."],
    ["cases:\n  - exchanges:\n      - answer: { status: ok }", 3, "status must be integer."],
    ["cases:\n  - actions: [{ input: {} }]", 2, "The key `name` is missing."],
    ["cases:\n  - a: [", 2, "Flow sequence"],
    ["cases: [{ auth: other }]", 1, "There is no auth other."],
    ["cases: [{ now: later }]", 1, "This is no time in ISO 8601."],
  ])("%j", async (text, line, words) => {
    write("acme/connector.yaml", manifest);
    const file = write("acme/test.yaml", text);
    const { code, out } = await ran(join(folder.path, "acme"));
    expect([code, out]).toEqual([1, expect.stringContaining(`${file}:${line}:`)]);
    expect(out).toContain(words);
  });
});

test("of a folder every connector is tested; one without a test or with an error in its manifest fails", async () => {
  await written();
  write("other/connector.yaml", manifest.replace("acme", "other"));
  write("wrong/connector.yaml", "manifest: 1\n");
  const { code, out } = await ran(folder.path);
  expect(code).toBe(1);
  expect(out).toContain(`${join(folder.path, "other/test.yaml")}: other has no test.yaml.`);
  expect(out).toContain("missing_key");
  expect(out).toMatch(/\n3 connectors, 2 cases, 2 failed\n$/);
});

test("--json gives exactly the keys that programs rely on", async () => {
  const file = await written();
  replaceIn(file, "label: Jane at T1", "label: Joan at T1");
  const { code, out } = await ran(join(folder.path, "acme"), "--json");
  expect(code).toBe(1);
  expect(JSON.parse(out)).toEqual({
    connectors: [
      {
        name: "acme",
        file,
        problems: [],
        cases: [
          {
            name: "a person signs in",
            passed: false,
            troubles: [],
            differences: [
              {
                path: ["cases", 0, "expect"],
                expected: expect.objectContaining({ label: "Joan at T1" }),
                actual: expect.objectContaining({ label: "Jane at T1" }),
              },
            ],
          },
          { name: "the key is refused", passed: true, troubles: [], differences: [] },
        ],
      },
    ],
  });
});

test.each([
  [[], "at least one"],
  [["no-such-connector"], "There is no connector no-such-connector."],
  [["--updte", "x"], "--updte"],
])("%j is wrong usage", async (args, words) => {
  const { code, error } = await ran(...args);
  expect([code, error.includes(words)]).toEqual([2, true]);
});

describe("comparing", () => {
  test("<any> stands for anything but nothing, and for no other kind of value", () => {
    expect([fits("a<any>c", "abc"), fits("a<any>c", "ac"), fits("<any>", 1), fits({ a: "x<any>" }, { a: "x\ny" })]).toEqual([
      true,
      false,
      false,
      true,
    ]);
  });

  test("only a random signature of the right length is masked", () => {
    const header = (alg: string) => Buffer.from(JSON.stringify({ alg })).toString("base64url");
    const token = (alg: string, length: number) => `${header(alg)}.e30.${"x".repeat(length)}`;
    expect(settled(`Bearer ${token("ES256", 86)}`)).toBe(`Bearer ${header("ES256")}.e30.<signature>`);
    expect(settled(token("ES256", 85))).toBe(token("ES256", 85));
    expect(settled(token("RS256", 342))).toBe(token("RS256", 342));
  });

  test("a difference shows what was added and what is gone, and kinds apart", () => {
    expect(difference({ a: 1, b: ["x", "y"] }, { a: "1", b: ["x", "z"] })).toEqual([
      "- a: 1",
      '+ a: "1"',
      "  b:",
      "    0: x",
      "-   1: y",
      "+   1: z",
    ]);
  });
});
