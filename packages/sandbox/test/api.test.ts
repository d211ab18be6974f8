import { call, connect, type Running, startSandbox } from "./browser.ts";

let running: Running;
beforeAll(async () => {
  running = await startSandbox();
});
afterAll(() => running.close());

const all = { scope: "profile files.read files.write" };

interface FileBody {
  readonly id: string;
  readonly name: string;
  readonly content: string;
}

async function list(token: string, query = ""): Promise<{ files: FileBody[]; total: number }> {
  return (await (await call(running, `/files${query}`, token)).json()) as { files: FileBody[]; total: number };
}

test("files are created, read, found, and deleted", async () => {
  const { access_token } = await connect(running, all);
  const body = JSON.stringify({ name: "poem.txt", content: "Grün ist des Lebens goldner Baum." });
  const created = await call(running, "/files", access_token, { method: "POST", body });
  expect(created.status).toBe(201);
  const { id } = (await created.json()) as FileBody;

  expect(await (await call(running, `/files/${id}`, access_token)).json()).toMatchObject({
    name: "poem.txt",
    content: "Grün ist des Lebens goldner Baum.",
    size: 34,
  });
  expect((await list(access_token, "?limit=1")).files.map((file) => file.id)).toEqual([id]);
  expect(await list(access_token, "?q=LEBENS")).toMatchObject({ total: 1, files: [{ id }] });

  expect((await call(running, `/files/${id}`, access_token, { method: "DELETE" })).status).toBe(204);
  expect((await call(running, `/files/${id}`, access_token)).status).toBe(404);
});

test("everybody has files of their own", async () => {
  const ada = await connect(running, all);
  const grace = await connect(running, { ...all, person: "person_grace" });
  const adas = await list(ada.access_token);
  const graces = await list(grace.access_token);
  expect(adas.files.map((file) => file.name)).toContain("bernoulli-numbers.csv");
  expect(graces.files.map((file) => file.name)).toContain("log-book.txt");
  expect((await call(running, `/files/${adas.files[0]?.id}`, grace.access_token)).status).toBe(404);
});

test("a request without a token is told only what to bring", async () => {
  const answer = await fetch(`${running.url}/api/me`);
  expect(answer.status).toBe(401);
  expect(answer.headers.get("www-authenticate")).toBe('Bearer realm="sandbox"');
});

test("a token that is invented, altered or of the other kind is invalid", async () => {
  const { access_token, refresh_token } = await connect(running);
  const swapped = refresh_token.replace("sandbox_refresh_", "sandbox_access_");
  for (const token of ["invented", `${access_token}A`, refresh_token, swapped]) {
    const answer = await call(running, "/me", token);
    expect(answer.status).toBe(401);
    expect(answer.headers.get("www-authenticate")).toContain('error="invalid_token"');
  }
});

test("a token without the scope is refused with 403 and told which scope is missing", async () => {
  const { access_token } = await connect(running);
  const answer = await call(running, "/files", access_token, { method: "POST", body: '{"name":"a.txt"}' });
  expect(answer.status).toBe(403);
  expect(answer.headers.get("www-authenticate")).toContain('error="insufficient_scope"');
  expect(answer.headers.get("www-authenticate")).toContain('scope="files.write"');
});

test.each([
  ["no name", "{}", 400],
  ["a name with a slash", '{"name":"../a"}', 400],
  ["content that is not text", '{"name":"a","content":[]}', 400],
  ["broken JSON", "{", 400],
  ["too much content", JSON.stringify({ name: "a", content: "x".repeat(70_000) }), 413],
  ["far too much content", JSON.stringify({ name: "a", content: "x".repeat(200_000) }), 413],
])("a file with %s is refused", async (_name, body, status) => {
  const { access_token } = await connect(running, all);
  const answer = await call(running, "/files", access_token, { method: "POST", body });
  expect(answer.status).toBe(status);
  expect(await answer.json()).toMatchObject({ error: expect.any(String), error_description: expect.any(String) });
});

test.each(["0", "101", "1.5", "many"])("a limit of %s is refused", async (limit) => {
  const { access_token } = await connect(running);
  expect((await call(running, `/files?limit=${limit}`, access_token)).status).toBe(400);
});

test("nobody can fill the memory", async () => {
  const { access_token } = await connect(running, { ...all, person: "person_alan" });
  const create = (): Promise<Response> => call(running, "/files", access_token, { method: "POST", body: '{"name":"a"}' });
  for (let count = 0; count < 198; count++) expect((await create()).status).toBe(201);
  expect((await create()).status).toBe(409);
});
