import { createHmac, generateKeyPairSync, verify } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { eachInFolder, jackfield } from "./command-line.ts";

interface Shown {
  readonly kind: string;
  readonly name: string;
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}

const folder = eachInFolder();

const write = (text: string) => folder.write("acme/connector.yaml", text);

const ran = (...args: string[]) => jackfield("requests", ...args);

async function shown(...args: string[]): Promise<readonly Shown[]> {
  const { code, out, error } = await ran(...args, "--json");
  expect([code, error]).toEqual([0, ""]);
  return JSON.parse(out) as Shown[];
}

const verifier = "v".repeat(48);
const challenge = "4A01DUGx7AT8ouWhbPhYzuvyoNDA2r8CzlD81Yz8KbQ";
const everything = [
  ...["--client-id", "CID", "--client-secret", "CSEC", "--redirect-uri", "https://cb.example.test/oauth/callback"],
  ...["--state", "STATE", "--code", "CODE", "--code-verifier", verifier, "--access-token", "AT", "--refresh-token", "OLD_RT"],
];

/** A manifest with the given keys of its auth block. */
const manifest = (auth: string, more = "") => `manifest: 1
name: acme
title: Acme
base_url: https://api.acme.example/v1
auth:
  main:
${auth.replace(/^(?=.)/gm, "    ")}
    test: { request: { path: /me } }
    label: "{{ me.name }}"
    unique_id: me.id
${more}`;

const oauth = (keys: string) => `type: oauth2
grant: authorization_code
authorization: { url: https://login.acme.example/authorize }
token: { url: https://login.acme.example/token }
revocation: { none: There is no way. }
${keys}`;

const form = "application/x-www-form-urlencoded";
const grant = "grant_type=authorization_code&code=CODE&redirect_uri=https%3A%2F%2Fcb.example.test%2Foauth%2Fcallback";
const tokenBody = `${grant}&code_verifier=${verifier}`;

describe("connectors of the repository, with everything given, give exactly", () => {
  const begun = (rest: string) =>
    `response_type=code&client_id=CID&redirect_uri=https%3A%2F%2Fcb.example.test%2Foauth%2Fcallback${rest}`;
  const pkce = `&code_challenge=${challenge}&code_challenge_method=S256`;
  const posted = (url: string, body: string): Partial<Shown> => ({
    method: "POST",
    url,
    headers: { accept: "application/json", "content-type": form },
    body,
  });
  test.each<[string, Readonly<Record<string, Partial<Shown>>>]>([
    [
      "github",
      {
        authorization: {
          method: "GET",
          url: `https://github.com/login/oauth/authorize?${begun(`&state=STATE${pkce}`)}`,
          headers: {},
          body: null,
        },
        token: posted("https://github.com/login/oauth/access_token", `${tokenBody}&client_id=CID&client_secret=CSEC`),
        refresh: posted(
          "https://github.com/login/oauth/access_token",
          "grant_type=refresh_token&refresh_token=OLD_RT&client_id=CID&client_secret=CSEC",
        ),
        revocation: {
          method: "DELETE",
          url: "https://api.github.com/applications/CID/grant",
          body: '{"access_token":"AT"}',
        },
      },
    ],
    [
      "google-drive",
      {
        authorization: {
          url: `https://accounts.google.com/o/oauth2/v2/auth?${begun(
            `&scope=https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fdrive.metadata.readonly&state=STATE${pkce}&access_type=offline&prompt=consent`,
          )}`,
        },
        token: posted("https://oauth2.googleapis.com/token", `${tokenBody}&client_id=CID&client_secret=CSEC`),
        refresh: posted(
          "https://oauth2.googleapis.com/token",
          "grant_type=refresh_token&refresh_token=OLD_RT&client_id=CID&client_secret=CSEC",
        ),
      },
    ],
    [
      "slack",
      {
        authorization: {
          url: `https://slack.com/oauth/v2/authorize?${begun("&scope=channels%3Aread%2Cchat%3Awrite&state=STATE")}`,
        },
        token: {
          method: "POST",
          url: "https://slack.com/api/oauth.v2.access",
          headers: { accept: "application/json", "content-type": form, authorization: "Basic Q0lEOkNTRUM=" },
          body: grant,
        },
      },
    ],
    [
      "notion",
      {
        authorization: { url: `https://api.notion.com/v1/oauth/authorize?${begun("&state=STATE&owner=user")}` },
        token: {
          url: "https://api.notion.com/v1/oauth/token",
          body: '{"grant_type":"authorization_code","code":"CODE","redirect_uri":"https://cb.example.test/oauth/callback"}',
        },
        refresh: { body: '{"grant_type":"refresh_token","refresh_token":"OLD_RT"}' },
      },
    ],
  ])("%s", async (name, expected) => {
    const all = await shown(join("connectors", name), "--auth", "oauth", ...everything);
    for (const [kind, request] of Object.entries(expected)) {
      expect(all.filter((one) => one.kind === kind)).toEqual([expect.objectContaining({ kind, name: "oauth", ...request })]);
    }
    expect(all.filter(({ kind }) => kind === "action").length).toBeGreaterThan(1);
    expect(JSON.stringify(all.filter(({ kind }) => kind !== "action" && kind !== "trigger" && kind !== "option"))).not.toContain(
      "<",
    );
  });
});

describe("each client authentication is sent in one way only", () => {
  const none = { accept: "application/json", "content-type": form };
  test.each([
    ["client_secret_post", "", none, `${tokenBody}&client_id=CID&client_secret=CSEC`],
    ["client_secret_basic", "", { ...none, authorization: "Basic Q0lEOkNTRUM=" }, tokenBody],
    ["client_secret_basic_raw", "", { ...none, authorization: "Basic Q0lEOkNTRUM=" }, tokenBody],
    ["none", "", none, `${tokenBody}&client_id=CID`],
    ["query", "?client_id=CID&client_secret=CSEC", none, tokenBody],
    ["bearer", "", { ...none, authorization: "Bearer CSEC" }, tokenBody],
  ])("%s", async (authentication, query, headers, body) => {
    const file = write(manifest(oauth(`client: { authentication: ${authentication} }`)));
    const [request] = (await shown(file, ...everything)).filter(({ kind }) => kind === "token");
    expect(request).toEqual({
      kind: "token",
      name: "main",
      method: "POST",
      url: `https://login.acme.example/token${query}`,
      headers,
      body,
    });
  });

  test("client_secret_basic encodes what is awkward first, client_secret_basic_raw does not", async () => {
    const decoded = async (authentication: string) => {
      const file = write(manifest(oauth(`client: { authentication: ${authentication} }`)));
      const all = await shown(file, ...everything, "--client-secret", "a b:c+");
      const header = all.find(({ kind }) => kind === "token")?.headers.authorization ?? "";
      return Buffer.from(header.replace("Basic ", ""), "base64").toString();
    };
    expect(await decoded("client_secret_basic")).toBe("CID:a+b%3Ac%2B");
    expect(await decoded("client_secret_basic_raw")).toBe("CID:a b:c+");
  });

  test("client_secret_jwt is signed with the secret at the given time", async () => {
    const file = write(
      manifest(
        oauth(`client: { authentication: client_secret_jwt, assertion: { algorithm: HS256, key: "{{ app.client_secret }}" } }`),
      ),
    );
    const all = await shown(file, ...everything, "--now", "2026-01-31T12:00:00Z");
    const body = new URLSearchParams(all.find(({ kind }) => kind === "token")?.body ?? "");
    const [header, claims, signature] = (body.get("client_assertion") ?? "").split(".");
    expect(JSON.parse(Buffer.from(claims ?? "", "base64url").toString())).toMatchObject({
      iss: "CID",
      sub: "CID",
      aud: "https://login.acme.example/token",
      iat: 1769860800,
      exp: 1769861100,
    });
    expect(createHmac("sha256", "CSEC").update(`${header}.${claims}`).digest("base64url")).toBe(signature);
    expect([body.get("client_id"), body.get("client_secret")]).toEqual(["CID", null]);
  });

  const signing = "client: { authentication: private_key_jwt, fields: [{ name: private_key, type: text, secret: true }] }";

  test("a key that is not given is asked for, and everything else is shown", async () => {
    const { code, out, error } = await ran(write(manifest(oauth(signing))), "--json");
    expect([code, error]).toEqual([1, expect.stringContaining("token main cannot be shown: The key for signing")]);
    expect((JSON.parse(out) as Shown[]).map(({ kind }) => kind)).toEqual(["authorization", "test"]);
  });

  test("private_key_jwt is signed with a key from a file", async () => {
    const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const key = join(folder.path, "key.pem");
    writeFileSync(key, privateKey.export({ type: "pkcs8", format: "pem" }));
    const all = await shown(write(manifest(oauth(signing))), ...everything, "--app", `private_key=@${key}`);
    const body = new URLSearchParams(all.find(({ kind }) => kind === "token")?.body ?? "");
    const [header, claims, signature] = (body.get("client_assertion") ?? "").split(".");
    const signed = Buffer.from(`${header}.${claims}`);
    expect(verify("sha256", signed, publicKey, Buffer.from(signature ?? "", "base64url"))).toBe(true);
  });
});

describe("what is not given", () => {
  const text = manifest(
    oauth(`fields: [{ name: site, required: true, pattern: "^[a-z]+$" }, { name: host, required: true, pattern: "^[a-z.]+$" }]
after_connect: [{ request: { url: "https://{{ fields.host }}/tenants" }, capture: { tenant: { value: body.id, pattern: "^[a-z]+$" } } }]
whitelist: ["https://api.acme.example/", "https://{{ fields.host }}/", "https://{{ fields.site }}.acme.example/"]`),
    `actions:
  add:
    title: Add
    input: { note: {}, count: { type: number, default: 3 }, kind: { type: select, options: [{ label: A, value: a }] } }
    request:
      method: POST
      url: "https://{{ fields.site }}.acme.example/t/{{ connection.tenant }}"
      body: { note: "{{ input.note }}", count: "{{ input.count }}", kind: "{{ input.kind }}" }
  second: { title: Second, request: { path: /x } }
`,
  );

  test("stands as a placeholder that names it, also where only a host fits", async () => {
    const all = await shown(write(text));
    expect(all.map(({ kind, name, url }) => [kind, name, url])).toEqual([
      [
        "authorization",
        "main",
        "https://login.acme.example/authorize?response_type=code&client_id=%3Cclient_id%3E&redirect_uri=%3Credirect_uri%3E&state=%3Cstate%3E&code_challenge=%3Ccode_challenge%3E&code_challenge_method=S256",
      ],
      ["token", "main", "https://login.acme.example/token"],
      ["after_connect", "main", "https://fields-host.invalid/tenants"],
      ["test", "main", "https://api.acme.example/v1/me"],
      ["refresh", "main", "https://login.acme.example/token"],
      ["action", "add", "https://fields-site.acme.example/t/%3Cconnection.tenant%3E"],
      ["action", "second", "https://api.acme.example/v1/x"],
    ]);
    expect(all[1]?.body).toContain("client_secret=%3Cclient_secret%3E");
    expect(all[3]?.headers.authorization).toBe("Bearer <access_token>");
    expect(all[5]?.body).toBe('{"note":"<input.note>","count":3,"kind":"a"}');
  });

  test("is left out where its value is empty, and given values come in its place", async () => {
    const given = [
      "--field",
      "site=north",
      "--connection",
      "tenant=t1",
      "--input",
      "add.note=",
      "--input",
      "count=7",
      "--access-token",
      "AT",
    ];
    const action = (await shown(write(text), ...given)).find(({ name }) => name === "add");
    expect([action?.url, action?.body]).toEqual(["https://north.acme.example/t/t1", '{"count":7,"kind":"a"}']);
    expect(action?.headers.authorization).toBe("Bearer AT");
  });

  test("scopes that are given stand in place of the manifest's own", async () => {
    const file = write(manifest(oauth("scopes: { required: [{ name: read, reason: Read. }] }")));
    const [authorization] = await shown(file, "--scope", "a", "--scope", "b:c");
    expect(authorization?.url).toContain("&scope=a%20b%3Ac&");
  });
});

test("chained exchanges, introspection, and both revocations are shown in the order in which they are made", async () => {
  const file = write(
    manifest(`type: oauth2
grant: client_credentials
scopes: { required: [{ name: read, reason: Read. }] }
token:
  url: https://login.acme.example/token
  then: [{ request: { method: POST, url: https://login.acme.example/more, encoding: form, body: { t: "{{ token.access_token }}" } } }]
introspection: { url: https://login.acme.example/introspect }
revocation: { url: https://login.acme.example/revoke }`),
  );
  const all = await shown(file, ...everything);
  expect(all.map(({ kind, body }) => [kind, body])).toEqual([
    ["token", "grant_type=client_credentials&scope=read&client_id=CID&client_secret=CSEC"],
    ["then", "t=AT"],
    ["test", null],
    ["refresh", "grant_type=client_credentials&scope=read&client_id=CID&client_secret=CSEC"],
    ["introspection", "token=AT&token_type_hint=access_token&client_id=CID&client_secret=CSEC"],
    ["revocation", "token=OLD_RT&token_type_hint=refresh_token&client_id=CID&client_secret=CSEC"],
    ["revocation", "token=AT&token_type_hint=access_token&client_id=CID&client_secret=CSEC"],
  ]);
});

test("the grant for another device asks for a code first, and the token request asks about it", async () => {
  const file = write(
    manifest(`type: oauth2
grant: device_code
client: { authentication: client_secret_basic }
scopes: { required: [{ name: read, reason: Read. }] }
resource: https://api.acme.example/
device: { url: https://login.acme.example/device, params: { display: tv } }
token: { url: https://login.acme.example/token }
revocation: { none: There is no way. }`),
  );
  const all = await shown(file, ...everything);
  const target = "resource=https%3A%2F%2Fapi.acme.example%2F";
  expect(all.map(({ kind, method, url, body }) => [`${kind} ${method} ${url}`, body])).toEqual([
    ["device_authorization POST https://login.acme.example/device", `scope=read&${target}&display=tv`],
    [
      "token POST https://login.acme.example/token",
      `grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&device_code=%3Cdevice_code%3E&${target}`,
    ],
    ["test GET https://api.acme.example/v1/me", null],
    ["refresh POST https://login.acme.example/token", `grant_type=refresh_token&refresh_token=OLD_RT&${target}`],
  ]);
  const basic = `Basic ${Buffer.from("CID:CSEC").toString("base64")}`;
  expect([all[0], all[1]].map((request) => request?.headers.authorization)).toEqual([basic, basic]);
});

test("a client that registers itself does so first, and says what it is registered for", async () => {
  const file = write(
    manifest(
      oauth(`scopes: { required: [{ name: read, reason: Read. }], optional: [{ name: write, reason: Write. }] }
client: { authentication: none, registration: { url: https://login.acme.example/register, params: { client_uri: "https://j.example" } } }`),
    ),
  );
  const [first, second] = await shown(file, ...everything);
  expect(first).toMatchObject({
    kind: "registration",
    name: "main",
    method: "POST",
    url: "https://login.acme.example/register",
    headers: { accept: "application/json", "content-type": "application/json" },
  });
  expect(JSON.parse(first?.body ?? "")).toEqual({
    client_name: "Jackfield",
    redirect_uris: ["https://cb.example.test/oauth/callback"],
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
    token_endpoint_auth_method: "none",
    scope: "read write",
    client_uri: "https://j.example",
  });
  expect(second?.kind).toBe("authorization");
});

test("OAuth 1.0a asks for temporary credentials first, and signs every request", async () => {
  const file = write(
    manifest(`type: oauth1
request_token: { url: https://login.acme.example/request }
authorization: { url: https://login.acme.example/authorize }
token: { url: https://login.acme.example/access }`),
  );
  const all = await shown(file, ...everything, "--now", "2026-01-31T12:00:00Z");
  expect(all.map(({ kind, method, url }) => `${kind} ${method} ${url}`)).toEqual([
    "request_token POST https://login.acme.example/request",
    "authorization GET https://login.acme.example/authorize?oauth_token=%3Crequest_token%3E",
    "token POST https://login.acme.example/access",
    "test GET https://api.acme.example/v1/me",
  ]);
  expect(all[0]?.headers.authorization).toContain('oauth_callback="https%3A%2F%2Fcb.example.test%2Foauth%2Fcallback"');
  expect(all[3]?.headers.authorization).toMatch(/^OAuth .*oauth_timestamp="1769860800", oauth_token="AT".*oauth_signature="/);
});

test("the same is printed each time", async () => {
  const file = write(manifest(oauth("")));
  const once = await ran(file, ...everything, "--now", "2026-01-31T12:00:00Z");
  expect(await ran(file, ...everything, "--now", "2026-01-31T12:00:00Z")).toEqual(once);
});

test("text and curl show what JSON does", async () => {
  const file = write(manifest(oauth("")));
  const plain = await ran(file, ...everything);
  expect(plain.out).toContain(
    `# token main\nPOST https://login.acme.example/token\naccept: application/json\ncontent-type: ${form}\n\n${tokenBody}&client_id=CID&client_secret=CSEC\n`,
  );
  const curl = await ran(file, ...everything, "--client-secret", "it's", "--curl");
  expect(curl.out).toContain("# test main\ncurl -X GET 'https://api.acme.example/v1/me'");
  expect(curl.out).toContain(`--data-raw '${tokenBody}&client_id=CID&client_secret=it%27s'`);
});

test("a field may be spelled in another way", async () => {
  const keys = `fields: [{ name: account_id, required: true, pattern: "^[a-z]+$" }]\ntoken: { url: "https://{{ fields.account_id }}.acme.example/token" }`;
  const file = write(manifest(oauth(keys).replace(/^token: .*example\/token }\n/m, "")));
  for (const name of ["account_id", "accountId", "AccountID", "account-id"]) {
    const token = (await shown(file, "--field", `${name}=north`)).find(({ kind }) => kind === "token");
    expect(token?.url).toBe("https://north.acme.example/token");
  }
});

test("a field that the manifest does not ask for is told", async () => {
  const { code, error } = await ran(write(manifest(oauth(""))), "--field", "sight=x", "--json");
  expect([code, error]).toEqual([0, "There is no field sight.\n"]);
});

test("a manifest with an error shows its problems and no requests", async () => {
  const { code, out, error } = await ran(write(manifest(oauth("tokn: {}"))));
  expect([code, out, error.includes("unknown_key")]).toEqual([1, "", true]);
});

test.each([
  [[], "needs one file"],
  [["a", "b"], "needs one file"],
  [["/does/not/exist"], "There is no file"],
  [["FOLDER"], "There is no connector.yaml in "],
  [["FILE", "--auth", "x"], "There is no auth x; there is main."],
  [["FILE", "--environment", "x"], "There is no environment x; there is production."],
  [["FILE", "--field", "x"], "must be NAME=VALUE"],
  [["FILE", "--now", "yesterday"], "must be a time"],
  [["FILE", "--json", "--curl"], "not both"],
])("%j is wrong usage", async (args, words) => {
  const file = write(manifest(oauth("")));
  const { code, error } = await ran(...args.map((arg) => ({ FILE: file, FOLDER: folder.path })[arg] ?? arg));
  expect([code, error.includes(words)]).toEqual([2, true]);
});
