import {
  type ConnectionFilter,
  type Due,
  duties,
  IdentityTaken,
  type JackfieldError,
  type Page,
  type Store,
} from "@jackfield/engine";
import { connection, count, event, flow, ids, time } from "./records.ts";

export function connections(get: () => Store): void {
  describe("connections", () => {
    test("come back exactly as they were stored", async () => {
      const record = connection("a", {
        last_test: { at: time(1), outcome: "passed", status: 200, duration_ms: 1.5 },
        name: "Ünïcode 🎛",
      });
      await get().connections.insert(record, []);
      expect(await get().connections.get("a")).toEqual(record);
      expect(await get().connections.find(record.identity)).toEqual(record);
      expect(await get().connections.get("b")).toBeUndefined();
      expect(await get().connections.find("nobody")).toBeUndefined();
    });

    test("are not shared with the caller: changing a record changes nothing in the store", async () => {
      const record = connection("a");
      await get().connections.insert(record, []);
      (record.fields as Record<string, unknown>).region = "us";
      const read = await get().connections.get("a");
      expect(read?.fields.region).toBe("eu");
      (read?.fields as Record<string, unknown>).region = "us";
      expect((await get().connections.get("a"))?.fields.region).toBe("eu");
    });

    test("are got by exactly their id: an alias is not followed", async () => {
      await get().connections.insert(connection("a"), []);
      await get().connections.insert(connection("b", { alias_of: "a", identity: "draft/b" }), []);
      expect((await get().connections.get("b"))?.id).toBe("b");
    });

    test("are inserted with their events", async () => {
      await get().connections.insert(connection("a"), [event("e", "a", { type: "created" })]);
      expect((await get().events.list({ workspace: "w", connection: "a" }, { limit: 10 })).items).toEqual([
        event("e", "a", { type: "created" }),
      ]);
    });

    test("are counted by state over all workspaces, without aliases and what was disconnected", async () => {
      expect(await get().connections.states()).toEqual({});
      const states = { a: "connected", b: "connected", c: "needs_reauth", d: "revoked", e: "draft", f: "connected" } as const;
      for (const [id, status] of Object.entries(states)) {
        const other = id === "f" ? { alias_of: "a" } : id === "b" ? { workspace: "another" } : {};
        await get().connections.insert(connection(id, { status, identity: `i/${id}`, ...other }), []);
      }
      expect(await get().connections.states()).toEqual({ connected: 2, needs_reauth: 1, draft: 1 });
      await get().connections.update("b", { status: "needs_reauth" });
      expect(await get().connections.states()).toEqual({ connected: 1, needs_reauth: 2, draft: 1 });
    });

    test("with an identity that is taken are refused, and nothing of them is stored", async () => {
      await get().connections.insert(connection("a", { identity: "same" }), []);
      const refused = await get()
        .connections.insert(connection("b", { identity: "same" }), [event("e", "b")])
        .catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(IdentityTaken);
      expect((refused as IdentityTaken).identity).toBe("same");
      expect(await get().connections.get("b")).toBeUndefined();
      expect((await get().events.list({ workspace: "w", connection: "b" }, { limit: 10 })).items).toEqual([]);
    });

    test("with an id that is taken are refused, and the first stays as it is", async () => {
      await get().connections.insert(connection("a"), []);
      await expect(
        get().connections.insert(connection("a", { identity: "other", name: "second" }), [event("e", "a")]),
      ).rejects.toThrow();
      expect((await get().connections.get("a"))?.name).toBeNull();
      expect((await get().events.list({ workspace: "w", connection: "a" }, { limit: 10 })).items).toEqual([]);
    });

    test("are updated in the given keys only, and the record as it is afterwards comes back", async () => {
      await get().connections.insert(connection("a"), []);
      const after = await get().connections.update("a", { name: "Mine", label: null, credential_version: 2 });
      expect(after).toEqual(connection("a", { name: "Mine", label: null, credential_version: 2 }));
      expect(await get().connections.get("a")).toEqual(after);
    });

    test("are updated with their events, or not at all", async () => {
      await get().connections.insert(connection("a"), []);
      await get().connections.update("a", { name: "Mine" }, { events: [event("e1", "a", { type: "renamed" })] });
      await get().connections.update("a", { name: "x" }, { expect: { credential_version: 9 }, events: [event("e2", "a")] });
      expect(ids(await get().events.list({ workspace: "w", connection: "a" }, { limit: 10 }))).toEqual(["e1"]);
    });

    test("that are not there, or not as expected, are not updated", async () => {
      await get().connections.insert(connection("a"), []);
      expect(await get().connections.update("b", { name: "x" })).toBeUndefined();
      expect(await get().connections.update("a", { name: "x" }, { expect: { credential_version: 2 } })).toBeUndefined();
      expect(await get().connections.update("a", { name: "x" }, { expect: { status: "draft" } })).toBeUndefined();
      expect(
        await get().connections.update("a", { name: "x" }, { expect: { credential_version: 1, status: "draft" } }),
      ).toBeUndefined();
      expect(await get().connections.get("a")).toEqual(connection("a"));
      expect(
        (await get().connections.update("a", { name: "x" }, { expect: { credential_version: 1, status: "connected" } }))?.name,
      ).toBe("x");
    });

    test("cannot be given another's identity, but keep their own", async () => {
      await get().connections.insert(connection("a", { identity: "one" }), []);
      await get().connections.insert(connection("b", { identity: "two" }), []);
      await expect(
        get().connections.update("b", { identity: "one", name: "x" }, { events: [event("e", "b")] }),
      ).rejects.toBeInstanceOf(IdentityTaken);
      expect(await get().connections.get("b")).toEqual(connection("b", { identity: "two" }));
      expect((await get().events.list({ workspace: "w", connection: "b" }, { limit: 10 })).items).toEqual([]);
      expect((await get().connections.update("b", { identity: "two", name: "x" }))?.name).toBe("x");
      expect((await get().connections.find("two"))?.id).toBe("b");
    });

    test("give their identity free when they get another", async () => {
      await get().connections.insert(connection("a", { identity: "one" }), []);
      await get().connections.update("a", { identity: "revoked/a" });
      await get().connections.insert(connection("b", { identity: "one" }), []);
      expect((await get().connections.find("one"))?.id).toBe("b");
    });

    test.each(duties)("whose %s is due are found, the most overdue first", async (duty) => {
      const at = `${duty}_at` as const;
      for (const [id, seconds] of Object.entries({ late: 10, later: 20, latest: 5, future: 30 }))
        await get().connections.insert(connection(id, { [at]: time(seconds) }), []);
      await get().connections.insert(connection("never", { [at]: null }), []);
      for (const other of duties.filter((one) => one !== duty))
        await get().connections.insert(connection(other, { [`${other}_at`]: time(1) }), []);
      expect(await get().connections.due(duty, time(30), 10)).toEqual([
        { id: "latest", at: time(5) },
        { id: "late", at: time(10) },
        { id: "later", at: time(20) },
      ]);
      const first = await get().connections.due(duty, time(30), 2);
      expect(first.map(({ id }) => id)).toEqual(["latest", "late"]);
      expect(await get().connections.due(duty, time(30), 2, first.at(-1))).toEqual([{ id: "later", at: time(20) }]);
      await get().connections.update("latest", { [at]: null });
      expect((await get().connections.due(duty, time(30), 10)).map(({ id }) => id)).toEqual(["late", "later"]);
    });

    test("that are due at one time are given in pages, each once", async () => {
      for (const id of ["c", "a", "d", "b", "e"]) await get().connections.insert(connection(id, { refresh_at: time(1) }), []);
      const page = async (after?: Due) => get().connections.due("refresh", time(2), 2, after);
      const pages = [await page()];
      for (let last = pages[0]?.at(-1); last !== undefined; last = pages.at(-1)?.at(-1)) pages.push(await page(last));
      expect(pages.map((due) => due.map(({ id }) => id))).toEqual([["a", "b"], ["c", "d"], ["e"], []]);
    });

    test("that were not used since a time are found, whether used before it or never", async () => {
      await get().connections.insert(connection("never", { authorized_at: time(1) }), []);
      await get().connections.insert(connection("long-ago", { authorized_at: time(1), last_used_at: time(5) }), []);
      await get().connections.insert(connection("lately", { authorized_at: time(1), last_used_at: time(50) }), []);
      await get().connections.insert(connection("new", { authorized_at: time(50) }), []);
      await get().connections.insert(connection("signed-in-again", { authorized_at: time(50), last_used_at: time(5) }), []);
      await get().connections.insert(connection("draft", { status: "draft", authorized_at: null }), []);
      await get().connections.insert(connection("alias", { alias_of: "new", authorized_at: null }), []);
      expect(await get().connections.idle(time(40), 10)).toEqual(["never", "long-ago"]);
      expect(await get().connections.idle(time(40), 1)).toEqual(["never"]);
      await get().connections.update("never", { last_used_at: time(60) });
      expect(await get().connections.idle(time(40), 10)).toEqual(["long-ago"]);
    });

    test("made in a connect session are found, the oldest first, whatever became of them, and no others", async () => {
      const made = { made_in: "cs_1", alias_of: null };
      await get().connections.insert(connection("later", { ...made, created_at: time(2) }), []);
      await get().connections.insert(connection("first", { ...made, created_at: time(1) }), []);
      await get().connections.insert(connection("other", { made_in: "cs_2" }), []);
      await get().connections.insert(connection("plain"), []);
      await get().connections.update("first", { alias_of: "plain", status: "connected" });
      await get().connections.update("later", { status: "revoked" });
      const found = await get().connections.madeIn("cs_1");
      expect(found.map(({ id, alias_of, status }) => [id, alias_of, status])).toEqual([
        ["first", "plain", "connected"],
        ["later", null, "revoked"],
      ]);
      expect(await get().connections.madeIn("cs_3")).toEqual([]);
    });

    test("tell whether a connector is used in a workspace", async () => {
      await get().connections.insert(connection("a"), []);
      expect(await get().connections.uses("w", "acme")).toBe(true);
      expect(await get().connections.uses("w", "other")).toBe(false);
      expect(await get().connections.uses("v", "acme")).toBe(false);
    });

    test("are erased with their aliases and their events, and nothing else is", async () => {
      await get().connections.insert(connection("a"), [event("e1", "a")]);
      await get().connections.insert(connection("b", { alias_of: "a", identity: "draft/b" }), [event("e2", "b")]);
      await get().connections.insert(connection("c"), [event("e3", "c")]);
      expect(await get().connections.delete("a")).toBe(true);
      expect(await get().connections.delete("a")).toBe(false);
      expect(await get().connections.get("a")).toBeUndefined();
      expect(await get().connections.get("b")).toBeUndefined();
      for (const id of ["a", "b"])
        expect((await get().events.list({ workspace: "w", connection: id }, { limit: 10 })).items).toEqual([]);
      expect(await get().connections.get("c")).toEqual(connection("c"));
      expect(ids(await get().events.list({ workspace: "w", connection: "c" }, { limit: 10 }))).toEqual(["e3"]);
    });
  });
}

export function listing(get: () => Store): void {
  const list = (filter: Partial<ConnectionFilter> = {}, page: Partial<Page> = {}) =>
    get().connections.list({ workspace: "w", ...filter }, { limit: 50, ...page });

  describe("a list of connections", () => {
    test("is newest first, without aliases and without what was disconnected", async () => {
      await get().connections.insert(connection("old", { created_at: time(1) }), []);
      await get().connections.insert(connection("new", { created_at: time(3) }), []);
      await get().connections.insert(connection("mid", { created_at: time(2) }), []);
      await get().connections.insert(connection("alias", { created_at: time(4), alias_of: "new" }), []);
      await get().connections.insert(connection("gone", { created_at: time(5), status: "revoked" }), []);
      expect(ids(await list())).toEqual(["new", "mid", "old"]);
      expect((await list()).next).toBeNull();
    });

    test("is filtered by workspace, owner, connector, environment and status, each alone and all together", async () => {
      const other = { workspace: "v", owner: "alan", connector: "beta", environment: "sandbox", status: "error" } as const;
      await get().connections.insert(connection("a"), []);
      for (const [key, value] of Object.entries(other)) await get().connections.insert(connection(key, { [key]: value }), []);
      expect(ids(await get().connections.list({ workspace: "v" }, { limit: 50 }))).toEqual(["workspace"]);
      for (const key of ["owner", "connector", "environment", "status"] as const)
        expect(ids(await list({ [key]: other[key] }))).toEqual([key]);
      const all = { owner: "ada", connector: "acme", environment: "production", status: "connected" } as const;
      expect(ids(await list(all))).toEqual(["a"]);
    });

    test("is searched in name, label, description and unique id, whatever the case, in every script", async () => {
      const blank = { name: null, label: null, description: null, unique_id: null };
      await get().connections.insert(connection("name", { ...blank, name: "Große ÄRZTE" }), []);
      await get().connections.insert(connection("label", { ...blank, label: "Ada's Files" }), []);
      await get().connections.insert(connection("description", { ...blank, description: "For the MONTHLY report" }), []);
      await get().connections.insert(connection("unique_id", { ...blank, unique_id: "ID-4711" }), []);
      expect(ids(await list({ search: "ärzte" }))).toEqual(["name"]);
      expect(ids(await list({ search: "FILES" }))).toEqual(["label"]);
      expect(ids(await list({ search: "monthly" }))).toEqual(["description"]);
      expect(ids(await list({ search: "id-47" }))).toEqual(["unique_id"]);
      expect(ids(await list({ search: "nothing" }))).toEqual([]);
      expect(ids(await list({ search: "" }))).toHaveLength(4);
    });

    test("takes what is searched for literally", async () => {
      await get().connections.insert(connection("percent", { label: "100% done" }), []);
      await get().connections.insert(connection("underscore", { label: "snake_case" }), []);
      await get().connections.insert(connection("slash", { label: "back\\slash" }), []);
      await get().connections.insert(connection("quote", { label: `it's "quoted"` }), []);
      expect(ids(await list({ search: "100%" }))).toEqual(["percent"]);
      expect(ids(await list({ search: "%" }))).toEqual(["percent"]);
      expect(ids(await list({ search: "e_c" }))).toEqual(["underscore"]);
      expect(ids(await list({ search: "k\\s" }))).toEqual(["slash"]);
      expect(ids(await list({ search: "'" }))).toEqual(["quote"]);
      expect(ids(await list({ search: `' OR 1=1 --` }))).toEqual([]);
    });

    test("finds what an update has changed", async () => {
      await get().connections.insert(connection("a"), []);
      await get().connections.update("a", { name: "Renamed", status: "needs_reauth" });
      expect(ids(await list({ search: "renamed", status: "needs_reauth" }))).toEqual(["a"]);
      expect(ids(await list({ status: "connected" }))).toEqual([]);
    });

    test("in pages gives each once, also where times are the same, and although newer ones arrive", async () => {
      for (let n = 0; n < 23; n += 1) await get().connections.insert(connection(`c${n}`, { created_at: time(n % 3) }), []);
      const seen: string[] = [];
      let after: string | undefined;
      for (let pages = 0; pages < 10; pages += 1) {
        const page = await list({}, { limit: 5, after });
        expect(page.items.length).toBeLessThanOrEqual(5);
        seen.push(...ids(page));
        await get().connections.insert(connection(`new${pages}`, { created_at: time(100 + pages) }), []);
        if (page.next === null) break;
        after = page.next;
      }
      expect(seen).toHaveLength(23);
      expect(new Set(seen).size).toBe(23);
    });

    test("whose last page is full ends there", async () => {
      for (let n = 0; n < 4; n += 1) await get().connections.insert(connection(`c${n}`), []);
      const first = await list({}, { limit: 2 });
      const second = await list({}, { limit: 2, after: first.next ?? "" });
      expect([first.items.length, second.items.length, second.next]).toEqual([2, 2, null]);
    });

    test.each(["", "!!!", "bm9uc2Vuc2U", Buffer.from("[1,2]").toString("base64url"), Buffer.from('["a"]').toString("base64url")])(
      "refuses the cursor %j",
      async (after) => {
        const error = await list({}, { after }).catch((cause: JackfieldError) => cause);
        expect(error).toMatchObject({ code: "request_invalid" });
      },
    );
  });
}

export function races(get: () => Store): void {
  const twenty = Array.from({ length: 20 }, (_, n) => n);

  describe("of many callers at once", () => {
    test("exactly one inserts an identity", async () => {
      const results = await Promise.allSettled(
        twenty.map((n) => get().connections.insert(connection(`c${n}`, { identity: "same" }), [])),
      );
      expect(count(results, ({ status }) => status === "fulfilled")).toBe(1);
      for (const result of results) if (result.status === "rejected") expect(result.reason).toBeInstanceOf(IdentityTaken);
    });

    test("exactly one takes over an identity by update", async () => {
      for (const n of twenty) await get().connections.insert(connection(`c${n}`), []);
      const results = await Promise.allSettled(twenty.map((n) => get().connections.update(`c${n}`, { identity: "same" })));
      expect(count(results, ({ status }) => status === "fulfilled")).toBe(1);
    });

    test("exactly one writes the next version of a credential", async () => {
      await get().connections.insert(connection("a"), []);
      const results = await Promise.all(
        twenty.map((n) =>
          get().connections.update(
            "a",
            { credential_version: 2, sealed_credential: `v${n}` },
            { expect: { credential_version: 1 } },
          ),
        ),
      );
      expect(count(results, (record) => record !== undefined)).toBe(1);
      const winner = results.findIndex((record) => record !== undefined);
      expect((await get().connections.get("a"))?.sealed_credential).toBe(`v${winner}`);
    });

    test("none loses what another has written to another key", async () => {
      await get().connections.insert(connection("a"), []);
      await Promise.all([
        get().connections.update("a", { name: "n" }),
        get().connections.update("a", { description: "d" }),
        get().connections.update("a", { refresh_failures: 3 }),
        get().connections.update("a", { scopes: ["x"] }),
      ]);
      expect(await get().connections.get("a")).toMatchObject({ name: "n", description: "d", refresh_failures: 3, scopes: ["x"] });
    });

    test("exactly one consumes a flow", async () => {
      await get().flows.insert(flow("f"));
      const results = await Promise.all(twenty.map(() => get().flows.consume("state-f")));
      expect(count(results, (found) => found !== undefined)).toBe(1);
    });

    test("exactly one binds a flow, and all are told who", async () => {
      await get().flows.insert(flow("f"));
      const results = await Promise.all(twenty.map((n) => get().flows.bind("f", `browser-${n}`)));
      expect(new Set(results.map((found) => found?.browser_hash)).size).toBe(1);
    });

    test("exactly one gets a lease", async () => {
      const results = await Promise.all(twenty.map((n) => get().leases.acquire("k", `owner-${n}`, 0, 1000)));
      expect(count(results, Boolean)).toBe(1);
    });
  });
}
