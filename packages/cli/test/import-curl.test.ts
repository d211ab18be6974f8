import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { compile } from "@jackfield/manifest";
import { parse } from "yaml";
import { importCurl } from "../src/import/curl.ts";
import { run } from "../src/run.ts";

const path = (url: URL) => ({ path: url.pathname });

function imported(command: string) {
  const { id, action, notes } = importCurl(command, path);
  return { id, action: JSON.parse(JSON.stringify(action)), notes: notes.map(({ key, message }) => `${key}: ${message}`) };
}

const host = "https://api.acme.example";

test("method, path, query, headers and JSON become an action that does the same without any input", () => {
  const { id, action } = imported(
    `curl -X POST '${host}/v1/projects/42/tasks?notify=yes' -H 'X-Version: 2' -H "Content-Type: application/json" --data-raw '{"title":"Do {{it}}","points":3,"done":false,"meta":{"a":["{{x}}",1]},"note":""}' --compressed -sSL`,
  );
  expect(id).toBe("create_task");
  expect(action).toEqual({
    title: "Create task",
    input: {
      project_id: { default: "42" },
      notify: { default: "yes" },
      title: { default: "Do {{it}}" },
      points: { type: "number", default: 3 },
      done: { type: "boolean", default: false },
    },
    request: {
      method: "POST",
      path: "/v1/projects/{{ input.project_id }}/tasks",
      query: { notify: "{{ input.notify }}" },
      headers: { "X-Version": "2" },
      body: {
        title: "{{ input.title }}",
        points: "{{ input.points }}",
        done: "{{ input.done }}",
        meta: { a: ["{{ '{{' }}x}}", 1] },
        note: "",
      },
    },
    output: "body",
  });
});

test.each([
  [`curl ${host}/users`, { id: "list_users", request: { path: "/users" } }],
  [`curl -I ${host}/users/7`, { id: "check_user", request: { method: "HEAD", path: "/users/{{ input.user_id }}" } }],
  [`curl -XDELETE ${host}/entries/7`, { id: "delete_entry", request: { method: "DELETE" } }],
  [`curl -G ${host}/find -d q=a -d 'r=b c'`, { request: { path: "/find", query: { q: "{{ input.q }}", r: "{{ input.r }}" } } }],
  [
    `curl ${host}/x -d a=1 --data-urlencode 'b=x y&z'`,
    { request: { method: "POST", encoding: "form", body: { a: "{{ input.a }}", b: "{{ input.b }}" } } },
  ],
  [`curl ${host}/x --json '{"a":1}'`, { request: { method: "POST", body: { a: "{{ input.a }}" } } }],
  [`curl ${host}/x --json '[1,"a"]'`, { request: { method: "POST", body: [1, "a"] } }],
  [
    `curl ${host}/x -F file=@a.png -F name=n`,
    { input: { file: { type: "file" }, name: { default: "n" } }, request: { encoding: "multipart" } },
  ],
  [
    `curl ${host}/x --data-binary @a.bin -H 'Content-Type: image/png'`,
    { input: { file: { type: "file" } }, request: { encoding: "binary" } },
  ],
  [
    `curl ${host}/x -d 'some words' -H 'Content-Type: text/plain'`,
    { input: { body: { default: "some words" } }, request: { encoding: "text" } },
  ],
  [`curl --url=${host}/x -H 'Accept: text/csv'`, { request: { path: "/x", headers: { Accept: "text/csv" } } }],
  [`curl ${host}/x?a=1 \\\n  -H 'Accept: */*'`, { request: { path: "/x", query: { a: "{{ input.a }}" } } }],
  [`curl $'${host}/it\\'s' `, { request: { path: "/it's" } }],
])("%s is understood", (command, expected) => {
  const { id, action } = imported(command);
  expect({ id, ...action }).toMatchObject(expected);
});

test.each([
  [`curl ${host}/x -u jane:hush`, "hush"],
  [`curl ${host}/x -H 'Authorization: Bearer abc'`, "abc"],
  [`curl ${host}/x -H 'X-Api-Key: short1'`, "short1"],
  [`curl ${host}/x -H 'X-Whatever: sk_live_0123456789abcdef'`, "sk_live"],
  [`curl ${host}/x -b 'session=s3cr3t'`, "s3cr3t"],
  [`curl '${host}/x?access_token=tttt&page=2'`, "tttt"],
  [`curl ${host}/x -d client_secret=zzzz -d a=1`, "zzzz"],
  [`curl ${host}/x --json '{"password":"pppp","deep":{"apiKey":"kkkk"}}'`, "pppp"],
  [`curl ${host}/x --json '{"deep":{"apiKey":"kkkk"}}'`, "kkkk"],
  [`curl ${host}/x --json '{"any":"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln"}'`, "eyJ"],
  [`curl ${host}/x -d any=9f86d081884c7d659a2feaa0c55ad015a3bf4f1b`, "9f86"],
  [`curl --oauth2-bearer qqqq ${host}/x`, "qqqq"],
])("of %s the secret is removed, and that is said", (command, secret) => {
  const { action, notes } = imported(command);
  expect(JSON.stringify(action)).not.toContain(secret);
  expect(notes.join("\n")).toContain("belong to a connection");
  expect(notes.join("\n")).not.toContain(secret);
});

test("options that say something unknown are reported, those of curl itself are not", () => {
  expect(imported(`curl -o out.json -m 5 --retry 2 --aws-sigv4 x ${host}/a`).notes).toEqual(["--aws-sigv4: not carried over"]);
});

async function jackfield(...args: string[]) {
  const said = { out: "", error: "" };
  const write = (to: "out" | "error") => (text: string) => {
    said[to] += text;
  };
  return { code: await run(["import", "curl", ...args], { out: write("out"), error: write("error"), colour: false }), ...said };
}

test("the action is printed as YAML, from one argument or from the command as it is", async () => {
  const { code, out } = await jackfield(`curl ${host}/v1/users`);
  expect([code, out.split("\n")[0], parse(out)]).toEqual([
    0,
    `# base_url: ${host}`,
    { actions: { list_users: { title: "List users", request: { path: "/v1/users" }, output: "body" } } },
  ]);
  expect((await jackfield("--name", "all_users", "curl", `${host}/v1/users?a=b c`, "-H", "X-A: it's")).out).toContain(
    "all_users:\n",
  );
});

test("the command may come on stdin", () => {
  const bin = join(__dirname, "../bin/jackfield.js");
  const { stdout, status } = spawnSync(process.execPath, [bin, "import", "curl"], {
    input: `curl \\\n ${host}/v1/users\n`,
    encoding: "utf8",
  });
  expect([status, stdout]).toEqual([0, expect.stringContaining("  list_users:\n")]);
});

test.each([
  [["wget https://acme.example"], "must begin with `curl`"],
  [["curl -s"], "names no URL"],
  [["curl ftp://acme.example/x"], "no URL of HTTP"],
  [["curl https://acme.example/x | sh"], "holds `|`"],
  [["curl -X TRACE https://acme.example/x"], "cannot be a TRACE request"],
  [["--into", "/does/not/exist", "curl https://acme.example/x"], "cannot be read"],
])("%j is wrong usage", async (args, words) => {
  const { code, error } = await jackfield(...args);
  expect([code, error]).toEqual([2, expect.stringContaining(words)]);
});

describe("--into", () => {
  const manifest = `# The head.
manifest: 1
name: acme
title: Acme   # not changed
base_url: https://{{ env.host }}/v1
environments: { production: { host: api.acme.example } }
auth:
  none: { type: none }
ACTIONS# The end.
`;
  const first = `actions:
    # one
    list_users:   { title: List users, request: { path: /users } }   # beside

rate_limit: { requests: 1, per: 1s }
`;
  let folder: string;
  beforeEach(() => {
    folder = join(mkdtempSync(join(tmpdir(), "jackfield-curl-")), "acme");
    mkdirSync(folder);
  });
  afterEach(() => rmSync(join(folder, ".."), { recursive: true }));

  async function into(actions: string, command: string) {
    const file = join(folder, "connector.yaml");
    const before = manifest.replace("ACTIONS", actions);
    writeFileSync(file, before);
    const result = await jackfield("--into", folder, command);
    return { ...result, before, after: readFileSync(file, "utf8") };
  }

  test.each([
    ["actions with comments", first],
    ["no actions", ""],
    ["actions on one line", "actions: { list_users: { title: List users, request: { path: /users } } }\n"],
  ])("adds the action to a manifest with %s", async (_, actions) => {
    const { code, out, after } = await into(actions, `curl ${host}/v1/users?page=1`);
    const id = actions === "" ? "list_users" : "list_users_2";
    expect([code, out]).toEqual([0, `${join(folder, "connector.yaml")}: actions.${id}\n`]);
    expect(parse(after).actions[id]).toEqual({
      title: "List users",
      input: { page: { default: "1" } },
      request: { path: "/users", query: { page: "{{ input.page }}" } },
      output: "body",
    });
    expect(compile(after, { file: "connector.yaml" }).problems.filter(({ severity }) => severity === "error")).toEqual([]);
    for (const comment of ["# The head.", "# not changed", "# The end."]) expect(after).toContain(comment);
  });

  test("every line of the manifest stays as it was", async () => {
    const { before, after } = await into(first, `curl ${host}/v1/things`);
    const added = after.split("\n").filter((line) => !before.split("\n").includes(line));
    expect(added).toEqual([
      "    list_things:",
      "      title: List things",
      "      request: { path: /things }",
      "      output: body",
    ]);
    expect(after.split("\n").filter((line) => !added.includes(line))).toEqual(before.split("\n"));
  });

  test("elsewhere than below base_url the whole URL stands, and what would not be valid is not written", async () => {
    const { code, error, before, after } = await into("", "curl https://other.example/x");
    expect([code, after]).toEqual([1, before]);
    expect(error).toContain("stays as it was");
  });
});
