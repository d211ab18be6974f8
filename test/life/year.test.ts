import { type Egress, type EgressAnswer, type EgressRequest, JackfieldError } from "@jackfield/engine";
import { cleanup } from "../harness/cleanup.ts";
import { admin, createWorld, day, hour, minute, type World } from "./world.ts";

/*
 * A year of 1,000 connections at eight kinds of provider, which keep to their own rules without mercy: a refresh token that was replaced and
 * comes again ends its family, one that lies idle dies, an outage lasts an hour. No connection may be lost that the rules allow to keep,
 * and no provider may be asked much more often than it must be.
 */

jest.setTimeout(600_000);
afterAll(cleanup);

const perKind = 125;
const weeks = 52;

interface Kind {
  /** A line of the auth block. */
  readonly manifest?: string;
  /** What the manifest says of the token's answer. */
  readonly response?: string;
  readonly grant?: "client_credentials" | "authorization_code";
  /** How long an access token lives. */
  readonly lifetime: number;
  /** Whether the answer tells it: as a lifetime, as a point in time by the provider's own clock, or not at all. */
  readonly tells: "expires_in" | "expires_at" | "nothing";
  readonly rotation: "never" | "maybe" | "always";
  /** How long a replaced refresh token still works. */
  readonly grace?: number;
  readonly idle?: number;
  /** How far the provider's clock is ahead. */
  readonly skew?: number;
  /** Whether answers get lost on the way although the provider has acted. */
  readonly loses?: true;
  /** How often a refresh is needed, where that is not once in each token's life. */
  readonly needed?: number;
}

const year = weeks * 7 * day;

/** How many refreshes of one connection a year takes at least. */
const ideal = ({ needed, lifetime }: Kind) => Math.ceil(year / (needed ?? lifetime));

const kinds: Readonly<Record<string, Kind>> = {
  always: { lifetime: 6 * day, tells: "expires_in", rotation: "always" },
  maybe: { lifetime: 10 * day, tells: "expires_in", rotation: "maybe" },
  never: { lifetime: 14 * day, tells: "expires_in", rotation: "never" },
  grace: {
    manifest: "refresh: { rotation: always, grace: 1m }",
    lifetime: 4 * day,
    tells: "expires_in",
    rotation: "always",
    grace: minute,
    loses: true,
  },
  idle: {
    manifest: "refresh: { idle_max: 30d }",
    lifetime: 10 * year,
    tells: "nothing",
    rotation: "always",
    idle: 30 * day,
    needed: 30 * day,
  },
  // The API is asked every fourteen days only.
  silent: { lifetime: 10 * day, tells: "nothing", rotation: "always", needed: 14 * day },
  skewed: { response: "expires_in: ends", lifetime: 8 * day, tells: "expires_at", rotation: "always", skew: 5 * minute },
  clients: { grant: "client_credentials", lifetime: 12 * day, tells: "expires_in", rotation: "never" },
};

const manifestOf = (name: string, { manifest = "", response = "", grant = "authorization_code" }: Kind) => {
  const authorization = `authorization: { url: "https://${name}.example/authorize" }`;
  return `manifest: 1
name: ${name}
title: ${name}
base_url: https://${name}.example
auth:
  oauth:
    type: oauth2
    grant: ${grant}
    client: { source: connection }
    fields: [{ name: client_id, label: ID, required: true }, { name: client_secret, label: Secret, secret: true, default: hush-hush }]
    ${grant === "authorization_code" ? authorization : ""}
    token: { url: https://${name}.example/token, response: { ${response} } }
    ${manifest}
    test: { request: { path: /me } }
    label: "{{ me.id }}"
    unique_id: me.id
actions: { list: { title: List, request: { path: /items } } }
`;
};

interface Account {
  refresh: string;
  replaced: { readonly token: string; readonly at: number; readonly by: string } | undefined;
  usedAt: number;
  dead: boolean;
  access: Map<string, number>;
  refreshes: number;
  count: number;
}

/** Random numbers that are the same in each run. */
function sequence(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

class Providers {
  readonly accounts = new Map<string, Account>();
  readonly #clock: () => number;
  readonly #random = sequence(7);
  readonly #outages: ReadonlyMap<string, readonly number[]>;
  /** Token requests that an outage or a lost answer met. */
  failed = 0;

  constructor(start: number, clock: () => number) {
    this.#clock = clock;
    const outages = () => Array.from({ length: 40 }, () => start + day + this.#random() * (year - 2 * day));
    this.#outages = new Map(Object.keys(kinds).map((name) => [name, outages()]));
  }

  #isOut(name: string): boolean {
    return (this.#outages.get(name) ?? []).some((from) => this.#clock() >= from && this.#clock() < from + hour);
  }

  readonly send = async (request: EgressRequest): Promise<EgressAnswer> => {
    const url = new URL(request.url);
    const name = url.hostname.replace(".example", "");
    const kind = kinds[name];
    if (kind === undefined) throw new Error(`nobody lives at ${request.url}`);
    const sentAt = this.#clock();
    const answer = (status: number, body: unknown, headers: Record<string, string> = {}): EgressAnswer => ({
      status,
      headers: { "content-type": "application/json", ...headers },
      url: request.url,
      sentAt,
      body: Buffer.from(typeof body === "string" ? body : JSON.stringify(body)),
      duration_ms: 20,
    });
    if (this.#isOut(name)) {
      if (url.pathname === "/token") this.failed += 1;
      return this.#outage(answer);
    }
    if (url.pathname !== "/token") return this.#api(name, request, answer);
    const form = new URLSearchParams(String(request.body ?? ""));
    const [status, body] = this.#token(name, kind, form);
    if (kind.loses === true && form.get("grant_type") === "refresh_token" && this.#random() < 0.02) {
      this.failed += 1;
      throw new JackfieldError("provider_unavailable", { detail: "The answer was lost.", members: { sent: true } });
    }
    return answer(status, body);
  };

  #outage(answer: (status: number, body: unknown, headers?: Record<string, string>) => EgressAnswer): EgressAnswer {
    const ways = [
      () => answer(503, { error: "temporarily_unavailable" }),
      () => answer(500, "<html>Oops</html>"),
      () => answer(429, "", { "retry-after": "120" }),
      () => answer(502, ""),
      (): EgressAnswer => {
        throw new JackfieldError("provider_unavailable", { detail: "The connection was refused.", members: { sent: false } });
      },
    ];
    return (ways[Math.floor(this.#random() * ways.length)] ?? ways[0] ?? (() => answer(503, "")))();
  }

  #api(name: string, request: EgressRequest, answer: (status: number, body: unknown) => EgressAnswer): EgressAnswer {
    const token = String(request.headers.authorization ?? "").replace("Bearer ", "");
    const id = token.split(":")[0] ?? "";
    const account = this.accounts.get(`${name}/${id}`);
    const end = account?.access.get(token);
    if (account === undefined || account.dead || end === undefined || end <= this.#clock())
      return answer(401, { error: "invalid_token" });
    return answer(200, request.url.endsWith("/me") ? { id } : []);
  }

  #token(name: string, kind: Kind, form: URLSearchParams): [number, unknown] {
    const now = this.#clock();
    if (form.get("grant_type") !== "refresh_token") {
      const id = form.get("code") ?? form.get("client_id") ?? "";
      const known = this.accounts.get(`${name}/${id}`);
      const account = known ?? {
        refresh: "",
        replaced: undefined,
        usedAt: now,
        dead: false,
        access: new Map(),
        refreshes: 0,
        count: 0,
      };
      if (known !== undefined) known.refreshes += 1;
      this.accounts.set(`${name}/${id}`, account);
      account.refresh = `${id}:r0`;
      return [200, this.#issue(id, kind, account, form.get("code") !== null)];
    }
    const given = form.get("refresh_token") ?? "";
    const id = given.split(":")[0] ?? "";
    const account = this.accounts.get(`${name}/${id}`);
    if (account === undefined || account.dead) return [400, { error: "invalid_grant" }];
    if (kind.idle !== undefined && now - account.usedAt > kind.idle) return this.#kill(account);
    if (given !== account.refresh) {
      const { replaced } = account;
      const inGrace = replaced?.token === given && now - replaced.at <= (kind.grace ?? -1);
      if (!inGrace) return this.#kill(account);
      account.refresh = replaced.by;
      return [200, this.#issue(id, kind, account, true)];
    }
    account.refreshes += 1;
    account.usedAt = now;
    const rotates = kind.rotation === "always" || (kind.rotation === "maybe" && account.count % 3 === 0);
    if (rotates) {
      const by = `${id}:r${account.count + 1}`;
      account.replaced = { token: given, at: now, by };
      account.refresh = by;
    }
    return [200, this.#issue(id, kind, account, rotates)];
  }

  #kill(account: Account): [number, unknown] {
    account.dead = true;
    return [400, { error: "invalid_grant" }];
  }

  #issue(id: string, kind: Kind, account: Account, withRefresh: boolean): object {
    const now = this.#clock();
    account.count += 1;
    const token = `${id}:a${account.count}`;
    account.access.clear();
    account.access.set(token, now + kind.lifetime);
    return {
      access_token: token,
      token_type: "Bearer",
      ...(kind.tells === "expires_in" ? { expires_in: kind.lifetime / 1000 } : {}),
      ...(kind.tells === "expires_at" ? { ends: Math.floor((now + (kind.skew ?? 0) + kind.lifetime) / 1000) } : {}),
      ...(withRefresh && kind.grant === undefined ? { refresh_token: account.refresh } : {}),
    };
  }
}

async function settle(w: World): Promise<Map<string, string>> {
  const connections = new Map<string, string>();
  for (const [name, kind] of Object.entries(kinds)) {
    for (let n = 0; n < perKind; n++) {
      const account = `${name}${n}`;
      const owner = `person-${n}`;
      if (kind.grant === undefined)
        connections.set(`${name}/${account}`, await w.signIn(name, account, owner, { client_id: "app" }));
      else {
        const { connection } = await w.engine.connections.create(admin, {
          connector: name,
          owner,
          fields: { client_id: account },
        });
        connections.set(`${name}/${account}`, connection.id);
      }
    }
    // Not all of a deployment's people come on one day.
    await w.pass(7 * hour);
  }
  return connections;
}

test("in a simulated year no connection is lost that its provider allows to keep, and none is refreshed much more than it must be", async () => {
  let w: World | undefined;
  const start = Date.UTC(2027, 0, 1);
  const providers = new Providers(start, () => w?.now ?? start);
  const egress = { send: providers.send, close: async () => {} } as unknown as Egress;
  w = await createWorld({
    manifests: Object.entries(kinds).map(([name, kind]) => manifestOf(name, kind)),
    egress,
    sweepEvery: 3 * hour,
  });
  const connections = await settle(w);
  expect(connections.size).toBe(1000);

  for (let week = 0; week < weeks; week++) {
    await w.pass(7 * day);
    if (week === 20) await w.restart();
    // Where nothing tells the end, only an API call finds it.
    if (week % 2 === 0) {
      for (const [account, id] of connections) {
        if (account.startsWith("silent/")) await w.engine.steps.run(admin, id, "list", {}).catch(() => undefined);
      }
    }
  }
  // Whoever met an outage at the very end.
  await w.pass(day);

  const statuses = new Map<string, number>();
  for (const id of connections.values()) {
    const status = (await w.store.connections.get(id))?.status ?? "gone";
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
  }
  const report = Object.entries(kinds).map(([name, kind]) => {
    const accounts = [...providers.accounts].filter(([key]) => key.startsWith(`${name}/`)).map(([, account]) => account);
    const refreshes = accounts.reduce((sum, account) => sum + account.refreshes, 0);
    return { name, ratio: refreshes / (ideal(kind) * accounts.length), dead: accounts.filter(({ dead }) => dead).length };
  });
  process.stderr.write(
    `A year: ${report.map(({ name, ratio }) => `${name} ${ratio.toFixed(3)}`).join(", ")} of the ideal number of refreshes; ` +
      `${providers.failed} token requests met an outage or lost their answer\n`,
  );
  expect(Object.fromEntries(statuses)).toEqual({ connected: 1000 });
  expect(report.filter(({ dead }) => dead > 0)).toEqual([]);
  expect(providers.failed).toBeGreaterThan(100);
  for (const { name, ratio } of report) {
    expect([name, ratio > 0.9]).toEqual([name, true]);
    expect([name, ratio < 1.15]).toEqual([name, true]);
  }
});
