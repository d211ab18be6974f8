import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { previewRequests } from "@jackfield/engine";
import { compile } from "@jackfield/manifest";
import { parse } from "yaml";
import type { Entry } from "../src/import/nango/draft.ts";
import { importNango } from "../src/import/nango.ts";
import { run } from "../src/run.ts";

const file = join(__dirname, "import/catalogue.yaml");
const catalogue = parse(readFileSync(file, "utf8")) as Record<string, Entry>;
const providers = Object.keys(catalogue);

/** One provider's part of the expected text. */
function shown(provider: string): string {
  const { text, reason, notes } = importNango(catalogue, provider);
  const lines = notes.map(({ key, message }) => `# ${key}: ${message}\n`).join("");
  return `## ${provider}\n${text ?? `not imported: ${reason}\n`}${lines}\n`;
}

test.each(providers)("%s becomes exactly the manifest, or the reason, and the notes that are expected", (provider) => {
  const expected = readFileSync(join(__dirname, "import/expected.txt"), "utf8");
  expect(expected.includes(shown(provider)) ? "as expected" : shown(provider)).toBe("as expected");
});

test("nothing else is expected", () => {
  const expected = readFileSync(join(__dirname, "import/expected.txt"), "utf8");
  expect(expected).toBe(providers.map(shown).join(""));
});

test.each(providers)("%s gives a manifest without errors, or none", (provider) => {
  const { text, name } = importNango(catalogue, provider);
  if (text === undefined) return;
  const { problems } = compile(text, { file: provider, folder: name });
  expect(problems.filter(({ severity }) => severity === "error")).toEqual([]);
});

test("every key of an entry that is not known is reported", () => {
  const { acme = {} } = catalogue;
  const notes = (entry: Entry) => importNango({ acme: entry }, "acme").notes.map(({ key, message }) => `${key}: ${message}`);
  expect(notes({ ...acme, brand_new: true })).toEqual(expect.arrayContaining([...notes(acme), "brand_new: not carried over"]));
});

async function requests(provider: string, kinds: readonly string[], fields: Record<string, unknown>, more: object = {}) {
  const { text } = importNango(catalogue, provider);
  const { connector } = compile(text ?? "", { file: provider });
  if (!connector) throw new Error(provider);
  const given = {
    fields,
    client_id: "CID",
    client_secret: "CSEC",
    redirect_uri: "https://cb.example/",
    state: "STATE",
    code: "CODE",
    access_token: "AT",
    refresh_token: "RT",
    clock: () => Date.UTC(2026, 0, 2, 3, 4, 5),
    ...more,
  };
  const preview = await previewRequests(connector, given);
  expect(preview.problems.filter(({ kind }) => kinds.includes(kind))).toEqual([]);
  return preview.requests
    .filter(({ kind }) => kinds.includes(kind))
    .map(({ kind, method, url, headers, body }) => ({ kind, method, url, headers, body }));
}

test("a sign-in sends what the definition says, by the names that it says", async () => {
  const answers = { callback: { realm_id: "R" }, token: { instance_url: "https://eu.acme.example" } };
  expect(await requests("acme", ["authorization", "token", "refresh", "test"], {}, answers)).toEqual([
    {
      kind: "authorization",
      method: "GET",
      url: expect.stringMatching(
        /^https:\/\/login\.acme\.example\/authorize\?tenant=common#\/oauth\/authorize\?appKey=CID&redirect_uri=https%3A%2F%2Fcb\.example%2F&scope=offline%2Cread&state=STATE&prompt=consent&nonce=[\w-]+$/,
      ),
      headers: {},
      body: null,
    },
    {
      kind: "token",
      method: "POST",
      url: "https://login.acme.example/token",
      headers: {
        accept: "application/json",
        "content-type": "application/json",
        "x-acme": "2",
        authorization: `Basic ${btoa("CID:CSEC")}`,
      },
      body: '{"grant_type":"authorization_code","code":"CODE","redirect_uri":"https://cb.example/","expiring":1}',
    },
    {
      kind: "test",
      method: "GET",
      url: "https://eu.acme.example/me?version=3&fields=id%2Cname&key=a%20b",
      headers: {
        accept: "application/json",
        "x-test": "1",
        "x-realm": "R",
        "user-agent": "Invented/1.0",
        authorization: "Bearer AT",
      },
      body: null,
    },
    {
      kind: "refresh",
      method: "POST",
      url: "https://login.acme.example/refresh",
      headers: {
        accept: "application/json",
        "content-type": "application/json",
        "x-acme": "2",
        authorization: `Basic ${btoa("CID:CSEC")}`,
      },
      body: '{"grant_type":"refresh_token","refresh_token":"RT","mode":"quiet"}',
    },
  ]);
});

test("a machine's own client, host and port reach the token endpoint, and its further key the API", async () => {
  const fields = { host: "a.acme.example", port: "99", sub: "S", api_key: "K", client_id: "CID", client_secret: "CSEC" };
  const [token, call] = await requests("acme-machine", ["token", "test"], fields);
  expect(token).toMatchObject({ url: "https://a.acme.example:99/token?grant_type=client_credentials&sub=S", body: null });
  expect(token?.headers).toMatchObject({ authorization: `Basic ${btoa("CID:CSEC")}` });
  expect(call).toMatchObject({ url: "https://a.acme.example:99/api/", headers: { authorization: "Bearer AT", apikey: "K" } });
});

test("several steps lead to the session, and the signed headers of one request agree", async () => {
  const fields = { team_name: "T", app_id: "A", secret_key: "S", username: "U", password: "P" };
  const [first, second, call, refresh] = await requests("acme-steps", ["token", "then", "test", "refresh"], fields, {
    token: { rest_url: "https://r.acme.example", "raw.accountID": "7" },
  });
  expect(first).toMatchObject({ method: "GET", url: "https://login.acme.example/server?team=T&kind=a%20b", body: null });
  expect(first?.headers).toMatchObject({ "x-until": "2026-01-09", "x-at": "1767323045", "x-now": "2026-01-02T03:04:05.000Z" });
  expect(first?.headers["x-sig"]).toMatch(/^[0-9a-f]{64}$/);
  expect(second).toMatchObject({
    method: "POST",
    url: "https://r.acme.example/token",
    body: '{"user":"U","deep":{"flag":false,"list":["P",1],"empty":""}}',
  });
  expect(call).toMatchObject({
    url: "https://r.acme.example/?account=7",
    headers: { authorization: `Basic ${btoa("U:AT")}`, "x-path": "GET / r.acme.example" },
  });
  expect(refresh).toMatchObject({ method: "GET", url: "https://login.acme.example/renew?renew=RT" });
});

test("a client that the person types is given as any client is, and a certificate hinders no preview", async () => {
  const [typed] = await requests("acme-machine-scope", ["token"], { scope: "api://x/.default" });
  expect(typed?.body).toBe("client_id=CID&client_secret=CSEC&grant_type=client_credentials&scope=api%3A%2F%2Fx%2F.default");
  const [certified] = await requests("acme-machine-custom", ["token"], {});
  expect(certified?.body).toBe('{"username":"CID","password":"CSEC"}');
});

test("keys go where they are declared: into headers, bodies and paths", async () => {
  const [keyed] = await requests("acme-key", ["test"], { api_key: "K1", api_key_2: "K2", email: "a@b.example" });
  expect(keyed).toMatchObject({
    url: "https://api.acme.example/v1/?lang=en&mail=a%40b.example",
    headers: { "x-api-key": "Key K1", "x-second": "K2", "x-edition": "plus" },
  });
  const [path] = await requests("acme-path-key", ["test"], { site: "s", api_key: "1:x" });
  expect(path?.url).toMatch(/^https:\/\/s\.acme\.example\/bot1(:|%3A)x\/v2\/$/);
  const [basic] = await requests("acme-basic", ["test"], { username: "k_1" });
  expect(basic?.headers).toMatchObject({ authorization: `Basic ${btoa("k_1:x")}`, "x-sent": btoa("k_1:x") });
});

describe("the command", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "jackfield-import-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  async function jackfield(...args: string[]) {
    const said = { out: "", error: "" };
    const write = (to: "out" | "error") => (text: string) => {
      said[to] += text;
    };
    const code = await run(args, { out: write("out"), error: write("error"), colour: false });
    return { code, ...said };
  }

  test("prints manifests to stdout and what is to be said about them to stderr", async () => {
    const { code, out, error } = await jackfield("import", "nango", file, "acme-none");
    expect([code, out]).toEqual([0, importNango(catalogue, "acme-none").text]);
    expect(error).toContain("acme-none: imported\n  proxy.verification: missing;");
    expect(error).toContain("1 of 1 imported\n");
  });

  test("writes folders, overwrites none, and is 1 when something could not be imported", async () => {
    const first = await jackfield("import", "nango", file, "acme-none", "acme-sigv4", "--out", folder);
    expect(first).toMatchObject({ code: 1, error: "" });
    expect(first.out).toContain("acme-sigv4: not imported: requests are signed with AWS Signature Version 4");
    expect(readdirSync(folder)).toEqual(["acme-none"]);
    writeFileSync(join(folder, "acme-none/connector.yaml"), "mine");
    const second = await jackfield("import", "nango", file, "acme-none", "--out", folder);
    expect([second.code, second.out]).toEqual([1, expect.stringContaining("is there already")]);
    expect(readFileSync(join(folder, "acme-none/connector.yaml"), "utf8")).toBe("mine");
  });

  test("--json gives one list of all providers, whether imported or not", async () => {
    const { code, out } = await jackfield("import", "nango", file, "--json");
    const { providers: listed } = JSON.parse(out) as {
      providers: { provider: string; imported: boolean; manifest?: string; reason?: string }[];
    };
    expect([code, listed.map(({ provider }) => provider)]).toEqual([1, providers]);
    for (const { imported, manifest, reason } of listed) expect(imported).toBe(manifest !== undefined && reason === undefined);
  });

  test("a catalogue may be JSON", async () => {
    const json = join(folder, "providers.json");
    writeFileSync(json, JSON.stringify({ one: catalogue["acme-none"] }));
    expect((await jackfield("import", "nango", json)).out).toContain("name: one\n");
  });

  test.each([
    [["import"], "takes one of"],
    [["import", "postman"], "takes one of"],
    [["import", "nango"], "needs a file"],
    [["import", "nango", "/does/not/exist"], "cannot be read"],
    [["import", "nango", file, "nobody"], "There is no provider `nobody`"],
  ])("%j is wrong usage", async (args, words) => {
    const { code, error } = await jackfield(...args);
    expect([code, error.includes(words)]).toEqual([2, true]);
  });
});
