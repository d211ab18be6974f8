import type {
  AppRecord,
  ConnectionEvent,
  ConnectionFilter,
  ConnectionRecord,
  DeliveryRecord,
  EndpointRecord,
  EventApp,
  FlowRecord,
  JackfieldError,
  Listed,
  Page,
  Store,
} from "@jackfield/engine";
import { duties, IdentityTaken, mostWorkflows } from "@jackfield/engine";

/** An adapter under test: a store with nothing in it, and the ways in which its process can end. */
export interface StoreUnderTest {
  readonly store: Store;
  /** Another store over what the first has written, after it was closed properly. */
  reopen(): Promise<Store>;
  /** Another store over what the first has written, as if its process had been killed. */
  reopenAfterKill(): Promise<Store>;
  cleanUp(): Promise<void>;
}

const time = (seconds: number) => new Date(Date.UTC(2026, 0, 1) + seconds * 1000).toISOString();

export function connection(id: string, values: Partial<ConnectionRecord> = {}): ConnectionRecord {
  return {
    id,
    workspace: "w",
    owner: "ada",
    connector: "acme",
    auth: "oauth",
    environment: "production",
    status: "connected",
    name: null,
    description: null,
    label: "Ada's Acme",
    unique_id: `u-${id}`,
    identity: `w/ada/acme/${id}`,
    alias_of: null,
    fields: { region: "eu", nested: { list: [1, "two", null] } },
    sealed_fields: null,
    sealed_credential: "v1.a.b.c",
    client_id: null,
    auth_version: null,
    credential_version: 1,
    scopes: ["read"],
    missing_scopes: [],
    renewable: true,
    expires_at: time(3600),
    refresh_at: null,
    refresh_failures: 0,
    refresh_held_until: null,
    refresh_doubts: null,
    authorized_at: time(0),
    reauth_by: null,
    remind_at: null,
    test_at: null,
    last_used_at: null,
    sealed_tombstone: null,
    revoke_at: null,
    revoke_failures: 0,
    last_test: null,
    error: null,
    created_at: time(0),
    updated_at: time(0),
    ...values,
  };
}

export function event(id: string, of: string, values: Partial<ConnectionEvent> = {}): ConnectionEvent {
  return { id, connection: of, workspace: "w", at: time(0), type: "used", actor: "system", ...values };
}

function flow(id: string, values: Partial<FlowRecord> = {}): FlowRecord {
  return {
    id,
    state_hash: `state-${id}`,
    connection: "c",
    workspace: "w",
    connector: "acme",
    auth: "oauth",
    environment: "production",
    actor: "key/1",
    via: "key",
    browser_hash: null,
    redirect_uri: "https://here.example/oauth/callback/acme",
    sealed: "v1.x.y.z",
    polling: null,
    created_at: time(0),
    expires_at: time(600),
    ...values,
  };
}

const polled = (id: string, at: number, values: Partial<FlowRecord> = {}) =>
  flow(id, { polling: { at: time(at), interval: 5_000, failures: 0 }, ...values });

function app(values: Partial<AppRecord> = {}): AppRecord {
  return {
    workspace: "w",
    connector: "acme",
    auth: "oauth",
    environment: "production",
    client_id: "client",
    fields: { team: "t" },
    sealed_secret: "v1.s",
    sealed_previous: null,
    previous_secret_until: null,
    previous_secret_used: false,
    pause: null,
    refused_alone: null,
    version: 1,
    former: [],
    expires_on: null,
    expiry_told: null,
    tend_at: null,
    created_at: time(0),
    updated_at: time(0),
    ...values,
  };
}

function endpoint(id: string, values: Partial<EndpointRecord> = {}): EndpointRecord {
  return {
    id,
    workspace: "w",
    url: "https://hooks.example/in",
    description: null,
    types: [],
    sealed_secrets: "v1.e",
    disabled: null,
    last_success_at: null,
    created_at: time(0),
    updated_at: time(0),
    ...values,
  };
}

function delivery(to: string, of: string, values: Partial<DeliveryRecord> = {}): DeliveryRecord {
  return {
    id: `${to}.${of}`,
    endpoint: to,
    event: of,
    type: "connection.needs_reauth",
    body: "{}",
    status: "pending",
    attempts: 0,
    http_status: null,
    error: null,
    duration_ms: null,
    next_at: time(0),
    created_at: time(0),
    updated_at: time(0),
    ...values,
  };
}

const ids = (listed: Listed<{ readonly id: string }>) => listed.items.map(({ id }) => id);
const count = <T>(list: readonly T[], is: (item: T) => boolean) => list.filter(is).length;

/** Every obligation of the store's port, against one adapter. */
export function storeContract(name: string, make: () => Promise<StoreUnderTest>): void {
  describe(`the store's contract: ${name}`, () => {
    let under: StoreUnderTest;
    let store: Store;
    beforeEach(async () => {
      under = await make();
      store = under.store;
    });
    afterEach(() => under.cleanUp());

    connections(() => store);
    listing(() => store);
    races(() => store);
    events(() => store);
    outbox(() => store);
    deliveries(() => store);
    usage(() => store);
    flows(() => store);
    leases(() => store);
    appsAndManifests(() => store);
    authVersions(() => store);
    durability(() => under);
  });
}

function connections(get: () => Store): void {
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
      expect((await get().connections.due(duty, time(30), 2)).map(({ id }) => id)).toEqual(["latest", "late"]);
      await get().connections.update("latest", { [at]: null });
      expect((await get().connections.due(duty, time(30), 10)).map(({ id }) => id)).toEqual(["late", "later"]);
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

function listing(get: () => Store): void {
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

function races(get: () => Store): void {
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

function events(get: () => Store): void {
  describe("events", () => {
    beforeEach(() => get().connections.insert(connection("a"), []));

    test("are listed newest first, in pages that give each once", async () => {
      await get().events.append(
        Array.from({ length: 11 }, (_, n) => event(`e${n}`, "a", { at: time(n % 4), host: "api.example", status: 200 })),
      );
      const seen: ConnectionEvent[] = [];
      let after: string | undefined;
      do {
        const page = await get().events.list({ workspace: "w", connection: "a" }, { limit: 4, after });
        seen.push(...page.items);
        after = page.next ?? undefined;
      } while (after !== undefined);
      expect(new Set(seen.map(({ id }) => id)).size).toBe(11);
      expect(seen.map(({ at }) => at)).toEqual(
        seen
          .map(({ at }) => at)
          .sort()
          .reverse(),
      );
      expect(seen.find(({ id }) => id === "e3")).toEqual(event("e3", "a", { at: time(3), host: "api.example", status: 200 }));
    });

    test("of one time are listed in the reverse of the order in which they were appended", async () => {
      await get().events.append([event("z", "a"), event("m", "a")]);
      await get().events.append([event("b", "a")]);
      expect(ids(await get().events.list({ workspace: "w", connection: "a" }, { limit: 10 }))).toEqual(["b", "m", "z"]);
    });

    test("are those of one connection", async () => {
      await get().connections.insert(connection("b"), [event("e2", "b")]);
      await get().events.append([event("e1", "a")]);
      expect(ids(await get().events.list({ workspace: "w", connection: "a" }, { limit: 10 }))).toEqual(["e1"]);
      expect(ids(await get().events.list({ workspace: "w", connection: "b" }, { limit: 10 }))).toEqual(["e2"]);
    });

    test("of a connection that was erased meanwhile do not come back, and do not keep the others out", async () => {
      await get().events.append([event("e1", "gone"), event("e2", "a")]);
      expect((await get().events.list({ workspace: "w", connection: "gone" }, { limit: 10 })).items).toEqual([]);
      expect(ids(await get().events.list({ workspace: "w", connection: "a" }, { limit: 10 }))).toEqual(["e2"]);
    });

    test("of a workspace are listed together, also those of no connection, and none of another workspace", async () => {
      await get().connections.insert(connection("b", { workspace: "v" }), [event("other", "b", { workspace: "v" })]);
      await get().events.append([event("e1", "a"), { ...event("e2", "a"), connection: null }]);
      expect(ids(await get().events.list({ workspace: "w" }, { limit: 10 }))).toEqual(["e2", "e1"]);
      expect(ids(await get().events.list({ workspace: "v" }, { limit: 10 }))).toEqual(["other"]);
      expect(ids(await get().events.list({ workspace: "v", connection: "a" }, { limit: 10 }))).toEqual([]);
    });

    test("are filtered by who did what they tell of", async () => {
      await get().events.append([
        event("e1", "a", { actor: "key/1" }),
        event("e2", "a", { actor: "system" }),
        event("e3", "a", { actor: "key/12" }),
        event("e4", "a", { actor: "key/1" }),
      ]);
      const list = async (actors: readonly string[], page: object = {}) =>
        ids(await get().events.list({ workspace: "w", connection: "a", actors }, { limit: 10, ...page }));
      expect(await list(["key/1", "system"])).toEqual(["e4", "e2", "e1"]);
      expect(await list(["key/1"], { limit: 1 })).toEqual(["e4"]);
      expect(await list([])).toEqual([]);
    });

    test("are filtered by connection, type, connector, owner and time, each alone and all together", async () => {
      const other = { type: "failed", connector: "beta", owner: "alan" } as const;
      const usual = { type: "used", connector: "acme", owner: "ada", at: time(5) } as const;
      await get().connections.insert(connection("b"), []);
      await get().events.append([
        event("usual", "a", usual),
        event("connection", "b", usual),
        event("early", "a", { ...usual, at: time(1) }),
        event("late", "a", { ...usual, at: time(9) }),
        ...Object.entries(other).map(([key, value]) => event(key, "a", { ...usual, [key]: value })),
      ]);
      const list = async (filter: object) => ids(await get().events.list({ workspace: "w", ...filter }, { limit: 10 }));
      for (const [key, value] of Object.entries(other)) expect(await list({ [key]: value })).toEqual([key]);
      expect(await list({ connection: "b" })).toEqual(["connection"]);
      expect(await list({ to: time(5) })).toEqual(["early"]);
      expect(await list({ from: time(6) })).toEqual(["late"]);
      const { at, ...rest } = usual;
      expect(await list({ ...rest, connection: "a", from: at, to: time(6) })).toEqual(["usual"]);
    });

    test("from before a time are removed and counted", async () => {
      await get().events.append([
        event("old", "a", { at: time(1) }),
        event("edge", "a", { at: time(2) }),
        event("new", "a", { at: time(3) }),
      ]);
      expect(await get().events.expire(time(2))).toBe(1);
      expect(ids(await get().events.list({ workspace: "w", connection: "a" }, { limit: 10 }))).toEqual(["new", "edge"]);
      expect(await get().events.expire(time(2))).toBe(0);
    });
  });
}

function outbox(get: () => Store): void {
  const put = (id: string, values: Partial<ConnectionEvent> = {}) => event(id, "a", { type: "needs_reauth", ...values });
  const entries = async () => (await get().outbox.list(10)).map(({ event: { id }, connection: told }) => [id, told?.status]);

  describe("the outbox", () => {
    beforeEach(() => get().connections.insert(connection("a"), [put("e0", { type: "created" })]));

    test("takes what is told outside with the event, and the connection as that write left it", async () => {
      await get().connections.update("a", { status: "needs_reauth" }, { events: [put("e1"), put("e2", { type: "used" })] });
      await get().connections.update("a", { status: "connected" });
      await get().events.append([
        put("e3"),
        { ...put("e4", { type: "endpoint_disabled" }), connection: null },
        put("e5", { type: "used" }),
      ]);
      expect(await entries()).toEqual([
        ["e0", "connected"],
        ["e1", "needs_reauth"],
        ["e3", "connected"],
        ["e4", undefined],
      ]);
      expect(ids(await get().events.list({ workspace: "w" }, { limit: 10 }))).toHaveLength(6);
    });

    test("holds nothing sealed, and no fields", async () => {
      const [entry] = await get().outbox.list(1);
      expect(entry?.connection).toMatchObject({ id: "a", label: "Ada's Acme" });
      expect(JSON.stringify(entry)).not.toMatch(/v1\.a\.b\.c|region|sealed/);
    });

    test("takes nothing of a write that was refused, or of a connection that is gone", async () => {
      await get().outbox.hand("e0", []);
      await get().connections.update("a", {}, { expect: { credential_version: 9 }, events: [put("e1")] });
      await get().events.append([event("e2", "gone", { type: "needs_reauth" })]);
      expect(await entries()).toEqual([]);
    });

    test("gives an event once it is handed to nobody any more, and the deliveries with it", async () => {
      await get().endpoints.insert(endpoint("x"));
      await get().outbox.hand("e0", [delivery("x", "e0"), delivery("gone", "e0")]);
      expect(await entries()).toEqual([]);
      expect((await get().deliveries.list("x", { limit: 10 })).items).toEqual([delivery("x", "e0")]);
      expect((await get().deliveries.list("gone", { limit: 10 })).items).toEqual([]);
    });

    test("handed out a second time changes no delivery that is there", async () => {
      await get().endpoints.insert(endpoint("x"));
      await get().outbox.hand("e0", [delivery("x", "e0")]);
      await get().deliveries.update("x.e0", { status: "delivered", attempts: 1, next_at: null }, { attempts: 0 });
      await get().outbox.hand("e0", [delivery("x", "e0")]);
      const { items } = await get().deliveries.list("x", { limit: 10 });
      expect(items.map(({ status }) => status)).toEqual(["delivered"]);
    });
  });

  describe("an event endpoint", () => {
    test("comes back as it was stored, in a list of its workspace, the oldest first", async () => {
      await get().endpoints.insert(endpoint("new", { created_at: time(2) }));
      await get().endpoints.insert(endpoint("old", { created_at: time(1) }));
      await get().endpoints.insert(endpoint("other", { workspace: "v" }));
      expect(await get().endpoints.get("new")).toEqual(endpoint("new", { created_at: time(2) }));
      expect(await get().endpoints.get("none")).toBeUndefined();
      expect((await get().endpoints.list("w")).map(({ id }) => id)).toEqual(["old", "new"]);
    });

    test("is updated in the given keys only, with its events; one who expects it enabled is refused where it is not", async () => {
      await get().endpoints.insert(endpoint("x"));
      const disabled = { at: time(1), reason: "gone" } as const;
      const told = { ...put("e1", { type: "endpoint_disabled" }), connection: null };
      const first = await get().endpoints.update("x", { disabled }, { expect: { enabled: true }, events: [told] });
      expect(first).toEqual(endpoint("x", { disabled }));
      const again = { ...told, id: "e2" };
      expect(await get().endpoints.update("x", { disabled }, { expect: { enabled: true }, events: [again] })).toBeUndefined();
      expect(ids(await get().events.list({ workspace: "w" }, { limit: 10 }))).toEqual(["e1"]);
      expect((await get().endpoints.update("x", { url: "https://b.example/" }))?.disabled).toEqual(disabled);
      expect(await get().endpoints.update("none", { url: "https://b.example/" })).toBeUndefined();
    });

    test("is erased with its deliveries", async () => {
      await get().endpoints.insert(endpoint("x"));
      await get().deliveries.insert(delivery("x", "e"));
      expect(await get().endpoints.delete("x")).toBe(true);
      expect(await get().endpoints.delete("x")).toBe(false);
      expect(await get().deliveries.pending("x", 10)).toEqual([]);
      await get().deliveries.insert(delivery("x", "late"));
      expect((await get().deliveries.list("x", { limit: 10 })).items).toEqual([]);
    });
  });
}

function deliveries(get: () => Store): void {
  describe("deliveries", () => {
    beforeEach(async () => {
      for (const id of ["x", "y"]) await get().endpoints.insert(endpoint(id));
    });

    test("that are still to be made are given the most overdue first, and those of each endpoint alone", async () => {
      await get().deliveries.insert(delivery("x", "later", { next_at: time(20) }));
      await get().deliveries.insert(delivery("x", "soon", { next_at: time(10) }));
      await get().deliveries.insert(delivery("x", "done", { next_at: null, status: "delivered" }));
      await get().deliveries.insert(delivery("y", "other", { next_at: time(5) }));
      expect((await get().deliveries.pending("x", 10)).map(({ event: of }) => of)).toEqual(["soon", "later"]);
      expect((await get().deliveries.pending("x", 1)).map(({ event: of }) => of)).toEqual(["soon"]);
      expect(await get().deliveries.due(time(20), 10)).toEqual([
        { endpoint: "y", next_at: time(5) },
        { endpoint: "x", next_at: time(10) },
      ]);
      expect(await get().deliveries.due(time(10), 10)).toEqual([{ endpoint: "y", next_at: time(5) }]);
    });

    test("of many callers at once exactly one takes the next attempt", async () => {
      await get().deliveries.insert(delivery("x", "e"));
      const results = await Promise.all(
        Array.from({ length: 20 }, () => get().deliveries.update("x.e", { attempts: 1, next_at: time(60) }, { attempts: 0 })),
      );
      expect(count(results, (taken) => taken !== undefined)).toBe(1);
      expect(await get().deliveries.pending("x", 10)).toEqual([delivery("x", "e", { attempts: 1, next_at: time(60) })]);
    });

    test("are listed newest first, in pages that give each once", async () => {
      for (let n = 0; n < 11; n += 1) await get().deliveries.insert(delivery("x", `e${n}`, { created_at: time(n % 3) }));
      const seen: DeliveryRecord[] = [];
      let after: string | undefined;
      do {
        const page = await get().deliveries.list("x", { limit: 4, after });
        seen.push(...page.items);
        after = page.next ?? undefined;
      } while (after !== undefined);
      expect(new Set(seen.map(({ id }) => id)).size).toBe(11);
      const times = seen.map(({ created_at }) => created_at);
      expect(times).toEqual([...times].sort().reverse());
    });

    test("from before a time are removed once nothing more is to be done about them", async () => {
      await get().deliveries.insert(delivery("x", "old", { created_at: time(1), next_at: null }));
      await get().deliveries.insert(delivery("x", "waiting", { created_at: time(1) }));
      await get().deliveries.insert(delivery("x", "new", { created_at: time(2), next_at: null }));
      expect(await get().deliveries.expire(time(2))).toBe(1);
      expect((await get().deliveries.list("x", { limit: 10 })).items.map(({ event: of }) => of)).toEqual(["new", "waiting"]);
    });
  });
}

function usage(get: () => Store): void {
  const entry = (workflow: string, at: number, times: number, of = "a") => ({
    connection: of,
    workflow,
    last_used_at: time(at),
    count: times,
  });

  describe("usage", () => {
    beforeEach(() => get().connections.insert(connection("a"), []));

    test("is added up, keeps the latest time, and is listed the last used first", async () => {
      await get().usage.add([entry("nightly", 5, 2), entry("weekly", 7, 1)]);
      await get().usage.add([entry("nightly", 9, 3), entry("nightly", 4, 1)]);
      expect(await get().usage.list("a")).toEqual([entry("nightly", 9, 6), entry("weekly", 7, 1)]);
    });

    test("of many callers at once loses no count", async () => {
      await Promise.all(Array.from({ length: 20 }, () => get().usage.add([entry("nightly", 1, 1)])));
      expect(await get().usage.list("a")).toEqual([entry("nightly", 1, 20)]);
    });

    test("of a connection that is gone is dropped, and goes with its connection", async () => {
      await get().usage.add([entry("nightly", 1, 1, "gone"), entry("nightly", 1, 1)]);
      expect(await get().usage.list("gone")).toEqual([]);
      await get().connections.delete("a");
      expect(await get().usage.list("a")).toEqual([]);
    });

    test("is kept of the last used workflows only, up to a bound for each connection", async () => {
      await get().connections.insert(connection("b"), []);
      await get().usage.add([entry("first", 1, 1), entry("first", 1, 1, "b")]);
      await get().usage.add(Array.from({ length: mostWorkflows }, (_, run) => entry(`run ${run}`, 2, 1)));
      const workflows = (await get().usage.list("a")).map(({ workflow }) => workflow);
      expect([workflows.length, workflows.includes("first")]).toEqual([mostWorkflows, false]);
      expect(await get().usage.list("b")).toHaveLength(1);
    });

    test("that is older than a time is forgotten", async () => {
      await get().usage.add([entry("old", 1, 1), entry("new", 2, 1)]);
      expect(await get().usage.expire(time(2))).toBe(1);
      expect((await get().usage.list("a")).map(({ workflow }) => workflow)).toEqual(["new"]);
    });
  });
}

function flows(get: () => Store): void {
  describe("flows", () => {
    test("come back as they were stored until they are consumed, once", async () => {
      await get().flows.insert(flow("f"));
      expect(await get().flows.get("f")).toEqual(flow("f"));
      expect(await get().flows.get("other")).toBeUndefined();
      expect(await get().flows.consume("other")).toBeUndefined();
      expect(await get().flows.consume("state-f")).toEqual(flow("f"));
      expect(await get().flows.consume("state-f")).toBeUndefined();
      expect(await get().flows.get("f")).toBeUndefined();
    });

    test("are bound once: who comes later is told who was first", async () => {
      await get().flows.insert(flow("f"));
      expect((await get().flows.bind("f", "first"))?.browser_hash).toBe("first");
      expect((await get().flows.bind("f", "second"))?.browser_hash).toBe("first");
      expect((await get().flows.get("f"))?.browser_hash).toBe("first");
      expect((await get().flows.consume("state-f"))?.browser_hash).toBe("first");
      expect(await get().flows.bind("f", "third")).toBeUndefined();
    });

    test("that were bound from the start stay so", async () => {
      await get().flows.insert(flow("f", { browser_hash: "own", via: "session" }));
      expect((await get().flows.bind("f", "other"))?.browser_hash).toBe("own");
    });

    test("with a state that is taken are refused", async () => {
      await get().flows.insert(flow("f"));
      await expect(get().flows.insert(flow("g", { state_hash: "state-f" }))).rejects.toThrow();
      expect(await get().flows.get("g")).toBeUndefined();
    });

    test("that ran out are given, the oldest first, until somebody takes them", async () => {
      for (const [id, at] of Object.entries({ older: 0, old: 1, edge: 2, new: 3 }))
        await get().flows.insert(flow(id, { state_hash: `state-${id}`, expires_at: time(at) }));
      const expired = async (limit: number) => (await get().flows.expired(time(2), limit)).map(({ id }) => id);
      expect(await expired(10)).toEqual(["older", "old"]);
      expect(await expired(1)).toEqual(["older"]);
      await get().flows.consume("state-older");
      expect(await expired(10)).toEqual(["old"]);
    });

    test("that are polled are due by their time, the most overdue first; the others never are", async () => {
      await get().flows.insert(polled("late", 2));
      await get().flows.insert(polled("early", 1));
      await get().flows.insert(polled("edge", 3));
      await get().flows.insert(flow("browser"));
      expect(await get().flows.get("late")).toEqual(polled("late", 2));
      const both = [
        { id: "early", at: time(1) },
        { id: "late", at: time(2) },
      ];
      expect(await get().flows.due(time(3), 10)).toEqual(both);
      expect(await get().flows.due(time(3), 1)).toEqual(both.slice(0, 1));
    });

    test("are polled at another time by who knew the time before, once, and keep everything else", async () => {
      await get().flows.insert(polled("f", 1));
      await get().flows.bind("f", "browser");
      const later = { at: time(9), interval: 10_000, failures: 2 };
      const twenty = Array.from({ length: 20 });
      expect(await get().flows.repoll("f", later, time(2))).toBeUndefined();
      const results = await Promise.all(twenty.map(() => get().flows.repoll("f", later, time(1))));
      expect(results.filter((result) => result !== undefined)).toEqual([
        polled("f", 1, { browser_hash: "browser", polling: later }),
      ]);
      expect(await get().flows.get("f")).toEqual(polled("f", 1, { browser_hash: "browser", polling: later }));
      expect(await get().flows.due(time(9), 10)).toEqual([]);
      expect(await get().flows.due(time(10), 10)).toEqual([{ id: "f", at: time(9) }]);
      await get().flows.insert(flow("browser"));
      expect(await get().flows.repoll("browser", later, time(1))).toBeUndefined();
      expect(await get().flows.repoll("nowhere", later, time(1))).toBeUndefined();
    });

    test("of one connection that are polled are ended together; its others and those of others stay", async () => {
      await get().flows.insert(polled("one", 1));
      await get().flows.insert(polled("two", 2));
      await get().flows.insert(flow("browser"));
      await get().flows.insert(polled("other", 3, { connection: "other" }));
      const ended = await get().flows.endPolled("c");
      expect(ended.map(({ id }) => id).toSorted()).toEqual(["one", "two"]);
      expect(await get().flows.endPolled("c")).toEqual([]);
      expect(await get().flows.get("one")).toBeUndefined();
      expect(await get().flows.get("browser")).toBeDefined();
      expect(await get().flows.get("other")).toBeDefined();
    });
  });
}

function leases(get: () => Store): void {
  describe("a lease", () => {
    test("is held by one owner until it runs out", async () => {
      expect(await get().leases.acquire("k", "a", 0, 1000)).toBe(true);
      expect(await get().leases.acquire("k", "b", 999, 2000)).toBe(false);
      expect(await get().leases.acquire("other", "b", 0, 1000)).toBe(true);
      expect(await get().leases.acquire("k", "b", 1000, 2000)).toBe(true);
      expect(await get().leases.acquire("k", "a", 1500, 2500)).toBe(false);
    });

    test("is renewed and released by its owner only", async () => {
      await get().leases.acquire("k", "a", 0, 1000);
      expect(await get().leases.renew("k", "b", 9000)).toBe(false);
      expect(await get().leases.renew("k", "a", 2000)).toBe(true);
      expect(await get().leases.acquire("k", "b", 1500, 3000)).toBe(false);
      await get().leases.release("k", "b");
      expect(await get().leases.acquire("k", "b", 1500, 3000)).toBe(false);
      await get().leases.release("k", "a");
      expect(await get().leases.acquire("k", "b", 1500, 3000)).toBe(true);
      expect(await get().leases.renew("k", "a", 9000)).toBe(false);
    });
  });
}

function appEvent(
  id: string,
  { environment = "production", ...values }: Partial<ConnectionEvent & EventApp> = {},
): ConnectionEvent {
  const about = { auth: "oauth", environment, client_id: "client" };
  return { ...event(id, "", { type: "app.saved", ...values }), connection: null, connector: "acme", app: about };
}

const ofApp = { workspace: "w", connector: "acme", app: { auth: "oauth", environment: "production" } } as const;

function appsAndManifests(get: () => Store): void {
  test("an app is written in the place of the version that is named, with its events, or not at all", async () => {
    expect(await get().apps.put(app(), { expect: 1, events: [appEvent("e0")] })).toBe(false);
    expect(await get().apps.put(app(), { expect: null, events: [appEvent("e1")] })).toBe(true);
    expect(await get().apps.put(app({ version: 2 }), { expect: null, events: [appEvent("e2")] })).toBe(false);
    expect(await get().apps.put(app({ version: 2 }), { expect: 2, events: [appEvent("e3")] })).toBe(false);
    expect(await get().apps.get("w", "acme", "oauth", "production")).toEqual(app());
    expect(await get().apps.put(app({ version: 2 }), { expect: 1, events: [appEvent("e4", { at: time(1) })] })).toBe(true);
    expect(await get().apps.get("w", "acme", "oauth", "production")).toEqual(app({ version: 2 }));
    expect(ids(await get().events.list(ofApp, { limit: 10 }))).toEqual(["e4", "e1"]);
    expect((await get().events.list(ofApp, { limit: 10 })).items[1]).toEqual(appEvent("e1"));
  });

  test("what is told outside of an app goes into the outbox with the write of it, and with no other", async () => {
    const refused = (id: string) => appEvent(id, { type: "app.refused", code: "client_refused" });
    await get().apps.put(app(), { events: [refused("e1"), appEvent("silent")] });
    await get().apps.put(app({ version: 2 }), { expect: 9, events: [refused("late")] });
    await get().apps.delete("w", "acme", "oauth", "elsewhere", [refused("gone")]);
    expect(await get().outbox.list(10)).toEqual([{ event: refused("e1"), connection: null }]);
    expect(JSON.stringify(await get().outbox.list(10))).not.toMatch(/v1\.s|sealed|team/);
  });

  test("the events of apps stand among those of the workspace", async () => {
    await get().connections.insert(connection("a"), [event("of a connection", "a", { connector: "acme", at: time(1) })]);
    await get().apps.put(app(), { events: [appEvent("of an app")] });
    expect(ids(await get().events.list({ workspace: "w" }, { limit: 10 }))).toEqual(["of a connection", "of an app"]);
    expect(ids(await get().events.list({ workspace: "w", type: "app.saved" }, { limit: 10 }))).toEqual(["of an app"]);
    expect(ids(await get().events.list(ofApp, { limit: 10 }))).toEqual(["of an app"]);
    for (const other of [{ workspace: "v" }, { connector: "beta" }, { app: { auth: "key", environment: "production" } }])
      expect(ids(await get().events.list({ ...ofApp, ...other }, { limit: 10 }))).toEqual([]);
  });

  test("of two writers that replace the same version of an app, one is told that it came too late", async () => {
    await get().apps.put(app());
    const writes = [1, 2, 3].map((n) => get().apps.put(app({ version: 2, client_id: `c${n}` }), { expect: 1 }));
    expect((await Promise.all(writes)).filter((written) => written)).toHaveLength(1);
  });

  test("the log of an app has pages, stays when it is deleted, and ends with its age", async () => {
    for (const n of [1, 2, 3]) await get().apps.put(app(), { events: [appEvent(`e${n}`, { at: time(n) })] });
    await get().apps.put(app({ environment: "sandbox" }), { events: [appEvent("other", { environment: "sandbox" })] });
    const first = await get().events.list(ofApp, { limit: 2 });
    expect(ids(first)).toEqual(["e3", "e2"]);
    expect(ids(await get().events.list(ofApp, { limit: 2, after: first.next ?? "" }))).toEqual(["e1"]);
    expect(await get().apps.delete("w", "acme", "oauth", "production", [appEvent("gone", { at: time(4) })])).toBe(true);
    expect(await get().apps.delete("w", "acme", "oauth", "production", [appEvent("again", { at: time(5) })])).toBe(false);
    expect(ids(await get().events.list(ofApp, { limit: 10 }))).toEqual(["gone", "e3", "e2", "e1"]);
    expect(await get().events.expire(time(3))).toBe(3);
    expect(ids(await get().events.list(ofApp, { limit: 10 }))).toEqual(["gone", "e3"]);
  });

  test("apps that are to be looked after are found, the most overdue first", async () => {
    for (const [environment, tend_at] of [
      ["late", time(2)],
      ["latest", time(1)],
      ["future", time(3)],
      ["never", null],
    ] as const)
      await get().apps.put(app({ environment, tend_at }));
    expect((await get().apps.due(time(3), 10)).map(({ environment }) => environment)).toEqual(["latest", "late"]);
    expect(await get().apps.due(time(3), 1)).toEqual([app({ environment: "latest", tend_at: time(1) })]);
    await get().apps.put(app({ environment: "latest", tend_at: null }));
    expect((await get().apps.due(time(3), 10)).map(({ environment }) => environment)).toEqual(["late"]);
  });

  test("connections are found and counted by the client that they were made with", async () => {
    await get().connections.insert(connection("a", { client_id: "one" }), []);
    await get().connections.insert(connection("b", { client_id: "one", auth: "other" }), []);
    await get().connections.insert(connection("c", { client_id: "one", status: "needs_reauth" }), []);
    await get().connections.insert(connection("d", { client_id: "two" }), []);
    await get().connections.insert(connection("e"), []);
    const filter = { workspace: "w", connector: "acme", auth: "oauth", client_id: "one" } as const;
    expect(await get().connections.count(filter)).toBe(2);
    expect(await get().connections.count({ ...filter, status: "connected" })).toBe(1);
    expect(ids(await get().connections.list({ ...filter, status: "connected" }, { limit: 10 }))).toEqual(["a"]);
    await get().connections.update("a", { client_id: "two" });
    expect(await get().connections.count({ ...filter, status: "connected" })).toBe(0);
    expect(await get().connections.count({ ...filter, client_id: "two" })).toBe(2);
    expect(await get().connections.count({ workspace: "w" })).toBe(5);
  });

  test("an app is kept per workspace, connector, auth and environment; putting it again replaces it", async () => {
    await get().apps.put(app());
    await get().apps.put(app({ environment: "sandbox", client_id: "s" }));
    await get().apps.put(app({ workspace: "v", client_id: "v" }));
    await get().apps.put(app({ client_id: "new", sealed_secret: null }));
    expect(await get().apps.get("w", "acme", "oauth", "production")).toEqual(app({ client_id: "new", sealed_secret: null }));
    expect((await get().apps.list("w", "acme")).map(({ environment, client_id }) => [environment, client_id])).toEqual([
      ["production", "new"],
      ["sandbox", "s"],
    ]);
    expect(await get().apps.get("w", "acme", "oauth", "staging")).toBeUndefined();
    expect(await get().apps.delete("w", "acme", "oauth", "production")).toBe(true);
    expect(await get().apps.delete("w", "acme", "oauth", "production")).toBe(false);
    expect((await get().apps.get("v", "acme", "oauth", "production"))?.client_id).toBe("v");
  });

  test("a manifest is kept by name; putting it again replaces it", async () => {
    await get().manifests.put("b", "one", time(0));
    await get().manifests.put("a", "text: ümlaut\n", time(0));
    await get().manifests.put("b", "two", time(1));
    expect([...(await get().manifests.list())].sort((x, y) => (x.name < y.name ? -1 : 1))).toEqual([
      { name: "a", text: "text: ümlaut\n" },
      { name: "b", text: "two" },
    ]);
    expect(await get().manifests.delete("b")).toBe(true);
    expect(await get().manifests.delete("b")).toBe(false);
    expect(await get().manifests.list()).toHaveLength(1);
  });
}

function authVersions(get: () => Store): void {
  const versions = async () => [...(await get().auth_versions.list())].map(({ version }) => version).sort();

  test("an auth version is stored once, with its newest text", async () => {
    await get().auth_versions.put("v2", "{}", time(0));
    await get().auth_versions.put("v1", '{"title":"Zoë"}', time(0));
    await get().auth_versions.put("v2", '{"title":"newer"}', time(1));
    expect([...(await get().auth_versions.list())].sort((x, y) => (x.version < y.version ? -1 : 1))).toEqual([
      { version: "v1", definition: '{"title":"Zoë"}' },
      { version: "v2", definition: '{"title":"newer"}' },
    ]);
  });

  test("an auth version goes when nothing uses it, unless it was put just now", async () => {
    for (const version of ["used", "moved-on", "ended", "merged", "never"]) await get().auth_versions.put(version, "{}", time(0));
    await get().auth_versions.put("new", "{}", time(10));
    await get().connections.insert(connection("a", { auth_version: "used" }), []);
    await get().connections.insert(connection("b", { auth_version: "moved-on" }), []);
    await get().connections.insert(connection("c", { auth_version: "ended" }), []);
    await get().connections.insert(connection("d", { auth_version: "merged" }), []);
    await get().connections.insert(connection("e"), []);
    expect([...(await get().auth_versions.removeUnused(time(5)))]).toEqual(["never"]);
    await get().connections.update("b", { auth_version: "used" });
    await get().connections.update("c", { status: "revoked", revoke_at: time(60) });
    await get().connections.update("d", { alias_of: "a" });
    expect([...(await get().auth_versions.removeUnused(time(5)))].sort()).toEqual(["merged", "moved-on"]);
    await get().connections.update("c", { revoke_at: null });
    expect(await get().auth_versions.removeUnused(time(5))).toEqual(["ended"]);
    expect(await versions()).toEqual(["new", "used"]);
    expect(await get().auth_versions.removeUnused(time(11))).toEqual(["new"]);
    expect(await get().connections.delete("a")).toBe(true);
    await get().connections.update("b", { auth_version: null });
    expect(await get().auth_versions.removeUnused(time(11))).toEqual(["used"]);
  });

  test("a version that is put again is not removed as an old one", async () => {
    await get().auth_versions.put("v", "{}", time(0));
    await get().auth_versions.put("v", "{}", time(10));
    expect(await get().auth_versions.removeUnused(time(5))).toEqual([]);
    expect(await versions()).toEqual(["v"]);
  });
}

function durability(get: () => StoreUnderTest): void {
  for (const how of ["reopen", "reopenAfterKill"] as const)
    test(`everything that was answered for is there after ${how === "reopen" ? "a restart" : "kill -9"}`, async () => {
      const { store } = get();
      await store.connections.insert(connection("a"), [event("e", "a")]);
      await store.connections.update("a", { name: "Mine" }, { events: [event("e2", "a", { type: "renamed" })] });
      await store.apps.put(app());
      await store.flows.insert(flow("f"));
      await store.flows.bind("f", "browser");
      await store.manifests.put("m", "text", time(0));
      await store.auth_versions.put("v", "{}", time(0));
      await store.endpoints.insert(endpoint("x"));
      await store.deliveries.insert(delivery("x", "e"));
      await store.usage.add([{ connection: "a", workflow: "nightly", last_used_at: time(1), count: 2 }]);
      const again = await get()[how]();
      await again.ping();
      expect(await again.connections.get("a")).toEqual(connection("a", { name: "Mine" }));
      expect(ids(await again.events.list({ workspace: "w", connection: "a" }, { limit: 10 }))).toEqual(["e2", "e"]);
      expect(await again.apps.get("w", "acme", "oauth", "production")).toEqual(app());
      expect(await again.endpoints.list("w")).toEqual([endpoint("x")]);
      expect(await again.deliveries.pending("x", 10)).toEqual([delivery("x", "e")]);
      expect(await again.usage.list("a")).toHaveLength(1);
      expect((await again.flows.consume("state-f"))?.browser_hash).toBe("browser");
      expect(await again.manifests.list()).toEqual([{ name: "m", text: "text" }]);
      expect(await again.auth_versions.list()).toEqual([{ version: "v", definition: "{}" }]);
      await expect(again.connections.insert(connection("b", { identity: connection("a").identity }), [])).rejects.toBeInstanceOf(
        IdentityTaken,
      );
    });

  test("a store that was closed refuses to work", async () => {
    const { store } = get();
    await store.ping();
    await store.close();
    await expect(store.ping()).rejects.toMatchObject({ code: "store_unavailable" });
    await expect(store.connections.get("a")).rejects.toMatchObject({ code: "store_unavailable" });
  });
}
