import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { loadAuthVersions } from "../src/auth-versions.ts";
import { loadCatalog } from "../src/connectors.ts";
import { openStore } from "../src/store/sqlite.ts";
import { keyManifest, type LogLine, sandboxManifest, startProduct } from "./product.ts";
import { temporary } from "./temporary.ts";

function folder(connectors: Readonly<Record<string, string>>): string {
  const path = temporary();
  for (const [name, text] of Object.entries(connectors)) {
    mkdirSync(join(path, name));
    writeFileSync(join(path, name, "connector.yaml"), text);
  }
  return path;
}

async function load(built_in: string, own?: string, published: { name: string; text: string }[] = []) {
  const log: LogLine[] = [];
  const store = openStore(":memory:");
  const catalog = await loadCatalog({
    folders: [{ path: built_in, source: "built_in" }, ...(own === undefined ? [] : [{ path: own, source: "folder" } as const])],
    published: { list: async () => published, put: async () => {}, delete: async () => false },
    versions: await loadAuthVersions({ store: store.auth_versions, clock: Date.now, log: () => {} }),
    usable: () => true,
    plainHttp: () => false,
    log: (level, message, fields = {}) => void log.push({ level, message, fields }),
  });
  return { catalog, log, names: catalog.list().map(({ name }) => name) };
}

test("the good connectors are kept, by name, and each problem of a bad one is logged with its place and cure", async () => {
  const { names, log } = await load(
    folder({ zebra: keyManifest("zebra"), alpha: keyManifest("alpha"), bad: keyManifest("bad").replace("title:", "titel:") }),
  );
  expect(names).toEqual(["alpha", "zebra"]);
  const errors = log.filter(({ level }) => level === "error");
  expect(errors.length).toBeGreaterThan(0);
  expect(errors[0]?.message).toMatch(/bad\/connector\.yaml:\d+:\d+ {2}error {2}unknown_key[\s\S]*\^/);
});

test("what is no connector's folder is passed over", async () => {
  const path = folder({ good: keyManifest("good"), ".hidden": keyManifest("hidden") });
  mkdirSync(join(path, "empty"));
  writeFileSync(join(path, "README.md"), "");
  mkdirSync(join(path, "odd", "connector.yaml"), { recursive: true });
  const { names } = await load(path);
  expect(names).toEqual(["good"]);
});

test("of one name the operator's folder wins over the built-in one, and what was published over both", async () => {
  const titled = (title: string) => keyManifest("same").replace("title: same", `title: ${title}`);
  const own = folder({ same: titled("Own") });
  const { catalog, log } = await load(folder({ same: titled("Built-in") }), own);
  expect([catalog.get("same")?.title, catalog.source("same")]).toEqual(["Own", "folder"]);
  expect(log.some(({ level }) => level === "warn")).toBe(true);
  const later = await load(folder({}), own, [{ name: "same", text: titled("Published") }]);
  expect([later.catalog.get("same")?.title, later.catalog.source("same")]).toEqual(["Published", "published"]);
});

test("a folder of the operator's that is not there is an error that names the variable", async () => {
  await expect(load(folder({}), "/no/such/folder")).rejects.toThrow(/CONNECTORS_DIR \/no\/such\/folder cannot be read/);
  await expect(load("/no/such/folder")).resolves.toMatchObject({ names: [] });
});

test("names that objects have by themselves are no connectors", async () => {
  const { catalog } = await load(folder({}));
  for (const name of ["constructor", "__proto__", "toString"]) expect(catalog.get(name)).toBeUndefined();
});

test("1,000 folders load in a few seconds", async () => {
  const many = Object.fromEntries(Array.from({ length: 1000 }, (_, n) => [`number-${n}`, keyManifest(`number-${n}`)]));
  const path = folder(many);
  const began = Date.now();
  expect((await load(path)).names).toHaveLength(1000);
  expect(Date.now() - began).toBeLessThan(60_000);
}, 30_000);

describe("through the API", () => {
  test("without the sandbox, what needs it is neither shown nor published", async () => {
    const product = await startProduct({
      connectors: { files: sandboxManifest("files"), held: keyManifest("held") },
      env: { SANDBOX: "off" },
    });
    const names = (await product.send("GET", "/v1/connectors")).json.items.map(({ name }: { name: string }) => name);
    expect(names).toContain("held");
    expect(names).not.toContain("files");
    expect((await product.send("GET", "/v1/connectors/files")).json.code).toBe("connector_unknown");
    expect((await product.send("PUT", "/v1/connectors/more", { body: sandboxManifest("more") })).json.detail).toMatch(
      /sandbox, which is off/,
    );
    expect((await product.send("GET", "/sandbox/authorize", { key: null })).json.code).toBe("not_found");
    expect((await product.send("GET", "/v1/platform", { key: null })).json.sandbox).toBe(false);
  });

  test("what was published is there after a restart", async () => {
    const dataDir = join(temporary(), "data");
    const first = await startProduct({ dataDir });
    expect((await first.send("PUT", "/v1/connectors/mine", { body: keyManifest("mine") })).status).toBe(201);
    await first.server.close();
    const second = await startProduct({ dataDir });
    expect((await second.send("GET", "/v1/connectors/mine")).json).toMatchObject({ name: "mine", configured: true });
  });

  test("a manifest with problems is refused with all of them, and validating stores nothing", async () => {
    const product = await startProduct();
    const bad = keyManifest("bad").replace("title: bad", "titel: bad").replace("label:", "lable:");
    const refused = await product.send("PUT", "/v1/connectors/bad", { body: bad });
    expect([refused.status, refused.json.code]).toEqual([422, "manifest_invalid"]);
    expect(refused.json.problems.length).toBeGreaterThan(1);
    for (const problem of refused.json.problems)
      expect(problem).toEqual(
        expect.objectContaining({ code: expect.any(String), line: expect.any(Number), hint: expect.any(String) }),
      );
    const misplaced = await product.send("PUT", "/v1/connectors/elsewhere", { body: keyManifest("bad") });
    expect(misplaced.json.problems.map(({ code }: { code: string }) => code)).toContain("name_not_folder");

    const checked = await product.send("POST", "/v1/connectors/validate", { body: bad });
    expect(checked.json).toMatchObject({
      valid: false,
      name: null,
      problems: refused.json.problems.map(({ code }: { code: string }) => expect.objectContaining({ code })),
    });
    expect((await product.send("POST", "/v1/connectors/validate", { body: keyManifest("fine") })).json).toMatchObject({
      valid: true,
      name: "fine",
    });
    expect((await product.send("GET", "/v1/connectors/fine")).status).toBe(404);
  });

  test("the catalogue comes in pages if one wants it to", async () => {
    const product = await startProduct({
      connectors: Object.fromEntries(["a1", "a2", "a3"].map((name) => [name, keyManifest(name)])),
    });
    const all = (await product.send("GET", "/v1/connectors")).json;
    expect(all.next).toBeNull();
    const seen: string[] = [];
    for (let cursor: string | null = ""; cursor !== null; ) {
      const { json } = await product.send("GET", `/v1/connectors?limit=2${cursor === "" ? "" : `&cursor=${cursor}`}`);
      seen.push(...json.items.map(({ name }: { name: string }) => name));
      cursor = json.next;
    }
    expect(seen).toEqual(all.items.map(({ name }: { name: string }) => name));
  });

  test("every built-in connector has a detail that fits the document, and a picture that can do nothing", async () => {
    const product = await startProduct();
    for (const { name, icon_url } of (await product.send("GET", "/v1/connectors")).json.items) {
      const { status, json } = await product.send("GET", `/v1/connectors/${name}`);
      expect([name, status, json.auth.length > 0]).toEqual([name, 200, true]);
      const icon = await product.send("GET", icon_url, { key: null });
      expect(icon.headers.get("content-type")).toBe("image/svg+xml");
      expect(icon.headers.get("content-security-policy")).toContain("sandbox");
      expect(
        (await product.send("GET", icon_url, { key: null, headers: { "if-none-match": icon.headers.get("etag") ?? "" } })).status,
      ).toBe(304);
    }
  });

  test("a connector without a picture gets its initial, as text", async () => {
    const product = await startProduct({ connectors: { plain: keyManifest("plain").replace("title: plain", 'title: "<ö/>"') } });
    const { text } = await product.send("GET", "/v1/connectors/plain/icon.svg", { key: null });
    expect(text).toContain(">Ö</text>");
    expect((await product.send("GET", "/v1/connectors/..%2fplain/icon.svg", { key: null })).status).toBe(404);
  });
});
