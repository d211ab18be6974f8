import { Browser } from "./harness/browser.ts";
import { everythingOf, findSecrets } from "./harness/canary.ts";
import { cleanup } from "./harness/cleanup.ts";
import { begin, draft, look, step } from "./harness/connect.ts";
import { heard } from "./harness/http.ts";
import { type Product, startProduct } from "./harness/product.ts";
import { beginnings } from "./provider/quirk-ledger.ts";
import { password, type QuirkServer, type Realm, secretBeginning, startQuirkServer } from "./provider/quirks.ts";
import { answerRows } from "./quirks/answers.ts";
import { refreshRows } from "./quirks/refreshing.ts";
import { requestRows } from "./quirks/requests.ts";
import type { Row } from "./quirks/row.ts";

// Every behaviour that an authorization server may have, by a manifest alone: one realm of one server and one connector for each.

jest.setTimeout(60_000);

const rows: readonly (Row & { readonly connector: string })[] = [...answerRows, ...requestRows, ...refreshRows].map(
  (row, index) => ({ ...row, connector: `quirk-${index}` }),
);
const withLines = rows.filter(({ says, plainly }) => says !== undefined && plainly !== "same");

let server: QuirkServer;
let product: Product;
const realms = new Map<string, Realm>();

type Lines = Readonly<Record<string, unknown>>;

const isMap = (value: unknown): value is Lines => typeof value === "object" && value !== null && !Array.isArray(value);

/** Lays lines over others; undefined removes. */
function lay(base: unknown, over: unknown): unknown {
  if (!isMap(base) || !isMap(over)) return over;
  return { ...base, ...Object.fromEntries(Object.entries(over).map(([key, value]) => [key, lay(base[key], value)])) };
}

/** What a manifest says of a server that keeps to RFC 6749; YAML takes JSON. */
function manifestOf(connector: string, says: Lines = {}): string {
  const auth = {
    type: "oauth2",
    grant: "authorization_code",
    scopes: { required: ["read", "write"].map((name) => ({ name, reason: `To ${name}.` })) },
    authorization: { url: "{url}/authorize" },
    token: { url: "{url}/token" },
    test: { request: { path: "/me" } },
    label: "{{ me.name }}",
    unique_id: "me.id",
  };
  const { base_url = "{url}/api", ...rest } = says;
  const manifest = {
    manifest: 1,
    name: connector,
    title: connector,
    base_url,
    auth: { oauth: lay(auth, rest) },
    actions: { list_items: { title: "List items", request: { path: "/items" }, output: "body.items" } },
  };
  return JSON.stringify(manifest, null, 2).replaceAll("{url}", `${server.url}/${connector}`);
}

beforeAll(async () => {
  server = await startQuirkServer();
  const connectors: Record<string, string> = {};
  for (const { connector, switches, says } of rows) {
    realms.set(connector, server.realm(connector, switches));
    connectors[connector] = manifestOf(connector, says);
  }
  for (const { connector, switches } of withLines) {
    realms.set(`${connector}-plain`, server.realm(`${connector}-plain`, switches));
    connectors[`${connector}-plain`] = manifestOf(`${connector}-plain`);
  }
  product = await startProduct({ connectors, env: { ALLOW_PASSWORD_GRANT: "true" } });
});
afterAll(cleanup);

/** Saves the app, signs in, and gives the connection as it is then. */
async function signIn(connector: string, row: Pick<Row, "app" | "fields"> = {}) {
  const realm = realms.get(connector);
  if (realm === undefined) throw new Error(`there is no realm ${connector}`);
  realm.redirect = `${product.url}/oauth/callback/${connector}`;
  const app = await product.put(`/v1/connectors/${connector}/apps/oauth/production`, { ...realm.client, ...row.app });
  if (app.status !== 200)
    throw new Error(
      `${app.text}\n${product.output
        .split("\n")
        .filter((line) => line.includes(connector))
        .join("\n")}`,
    );
  const made = await draft(product, connector, { ...(row.fields ? { fields: row.fields } : {}), owner: connector });
  if (made.status !== "draft") return { realm, id: made.id, connection: made };
  const url = await begin(product, made.id);
  await new Browser().open(url);
  return { realm, id: made.id, connection: await look(product, made.id) };
}

const minutesLeft = ({ expires_at }: { readonly expires_at: string | null }) =>
  expires_at === null ? null : Math.round((Date.parse(expires_at) - Date.now()) / 60_000);

const connectedWell = { status: "connected", label: "Ada", unique_id: "acct-1815", error: null };

describe("a server that", () => {
  test.each(rows)("$name", async (row) => {
    const { realm, id, connection } = await signIn(row.connector, row);
    const { renews = true, minutes = 60 } = row;
    expect({ ...connection, refusals: realm.refusals }).toMatchObject({
      ...(row.becomes?.status === undefined ? connectedWell : {}),
      refusals: [],
      ...row.becomes,
    });
    const shown = {
      realm,
      id,
      connection,
      refresh: () => product.post(`/v1/connections/${id}/refresh`),
      step: () => step(product, id, "list_items"),
      remove: () => product.send("DELETE", `/v1/connections/${id}`),
    };
    if (connection.status === "connected") {
      expect(minutesLeft(connection)).toBe(minutes);
      expect(await shown.step()).toMatchObject({ status: 200, json: { output: [1, 2, 3] } });
      expect(connection.renewable).toBe(renews);
    }
    if (row.notYet !== undefined) {
      const requests = realm.seen.length;
      expect((await shown.refresh()).json).toMatchObject({ code: row.notYet });
      expect(realm.seen).toHaveLength(requests);
    } else if (connection.status === "connected" && renews) {
      // Twice, as what the first one replaced is used for the second one.
      for (let turn = 0; turn < 2; turn += 1) {
        const refreshed = await shown.refresh();
        expect({ status: refreshed.status, json: refreshed.json, refusals: realm.refusals }).toMatchObject({
          status: 200,
          json: { status: "connected" },
          refusals: [],
        });
        expect(minutesLeft(refreshed.json as { expires_at: string | null })).toBe(minutes);
      }
      realm.ledger.keepNewest();
      expect(await shown.step()).toMatchObject({ status: 200, json: { step: { attempts: 1 } } });
    }
    await row.then?.(shown);
  });
});

describe("the lines of the manifest are what does it: by the plain manifest, the server that", () => {
  test.each(withLines)("$name gives nothing, or something else", async (row) => {
    const { connection } = await signIn(`${row.connector}-plain`);
    if (row.plainly === undefined || row.plainly === "same") expect(connection.status).not.toBe("connected");
    else expect(connection).toMatchObject(row.plainly);
    expect({ ...connection, minutes: minutesLeft(connection) }).not.toMatchObject({
      ...connectedWell,
      renewable: row.renews ?? true,
      minutes: row.minutes === undefined ? 60 : row.minutes,
      ...row.becomes,
    });
  });
});

test("no secret stands in the store, in the logs or in any answer", async () => {
  // Whatever was handed out begins with one of these.
  const secrets = [secretBeginning, password, ...Object.values(beginnings)];
  const answers = heard.filter(({ origin }) => origin === product.url);
  expect(answers.length).toBeGreaterThan(500);
  expect(findSecrets(secrets, await everythingOf(product))).toEqual([]);
});
