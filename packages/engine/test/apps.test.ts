import { randomBytes } from "node:crypto";
import { type Connector, compile } from "@jackfield/manifest";
import { getApp, putApp } from "../src/connection/app/apps.ts";
import { createEventLog } from "../src/connection/event-log.ts";
import { clientOf } from "../src/connection/open.ts";
import type { AppRecord } from "../src/connection/record.ts";
import { createSealer } from "../src/connection/seal.ts";
import type { Store } from "../src/connection/store.ts";
import { appNames } from "../src/grant/credential.ts";
import type { Runtime } from "../src/runtime.ts";

/** The connector, with its app's further field secret or not. */
function connectorWith(secret: boolean): Connector {
  const { connector, problems } = compile(
    `manifest: 1
name: acme
title: Acme
base_url: https://api.acme.example
auth:
  oauth:
    type: oauth2
    grant: client_credentials
    client:
      fields:
        - { name: developer_code, label: Developer code, secret: ${secret}, help: From the app. }
        - { name: pem, label: Signing key of the app, type: text, secret: true, help: From the app. }
    token: { url: https://acme.example/token, headers: { X-Code: "{{ app.developer_code }}" } }
    revocation: { url: https://acme.example/revoke }
    test: { request: { path: /me } }
    label: "{{ me.name }}"
    unique_id: me.id
`,
    { file: "acme" },
  );
  if (!connector) throw new Error(JSON.stringify(problems));
  return connector;
}

let connector: Connector;
let stored: AppRecord | undefined;
const key = randomBytes(32);
const runtime = {
  connectors: { get: () => connector },
  store: {
    apps: {
      get: async () => stored,
      put: async (record: AppRecord) => {
        stored = record;
        return true;
      },
    },
    connections: { count: async () => 0, list: async () => ({ items: [], next: null }) },
  },
  sealer: createSealer({ active: "a", get: () => key }, randomBytes),
  platform: { url: "https://jackfield.example" },
  clock: Date.now,
  random: randomBytes,
  events: createEventLog({} as Store, Date.now, randomBytes, () => {}),
} as unknown as Runtime;
const actor = { id: "key/1", workspace: "w", owner: "o", all: true, via: "key" } as const;
const put = (values: object) =>
  putApp(runtime, actor, "acme", "oauth", "production", { client_id: "id", client_secret: "hush", ...values });
const code = async () => {
  return appNames(await client()).developer_code;
};
const client = (client_id: string | null = null) => {
  const record = { workspace: "w", connector: "acme", auth: "oauth", environment: "production", client_id } as never;
  return clientOf(runtime, { record, auth: connector.auth.oauth as never, fields: {} });
};

beforeEach(() => {
  stored = undefined;
});

test("A value that became a secret is neither shown nor kept in the open", async () => {
  connector = connectorWith(false);
  expect((await put({ developer_code: "canary-code" })).fields).toEqual({ developer_code: "canary-code" });
  connector = connectorWith(true);
  expect(JSON.stringify(await getApp(runtime, actor, "acme", "oauth", "production"))).not.toContain("canary-code");
  expect(await code()).toBe("canary-code");
  expect(await put({})).toMatchObject({ fields: {}, secrets_set: ["developer_code"] });
  expect(JSON.stringify(stored)).not.toContain("canary-code");
  expect(await code()).toBe("canary-code");
});

test("A value that is no secret any more can be saved anew, and the old one does not come back", async () => {
  connector = connectorWith(true);
  await put({ developer_code: "canary-code" });
  connector = connectorWith(false);
  expect(JSON.stringify(await getApp(runtime, actor, "acme", "oauth", "production"))).not.toContain("canary-code");
  expect((await put({ developer_code: "open-code" })).fields).toEqual({ developer_code: "open-code" });
  expect(await code()).toBe("open-code");
});

test("A key in PEM may end with a line break, and nothing else may stand around it", async () => {
  connector = connectorWith(true);
  const pem = "-----BEGIN KEY-----\ncanary\n-----END KEY-----";
  for (const good of [pem, `${pem}\n`, `\r\n${pem}\r\n`]) await put({ pem: good });
  for (const bad of [` ${pem}`, `${pem} `, `${pem}\n `, `\t${pem}`])
    await expect(put({ pem: bad })).rejects.toMatchObject({ code: "whitespace_in_credential", members: { field: "pem" } });
});

test("A record is opened with the client that it names, whichever was saved since, and not with one that is gone", async () => {
  connector = connectorWith(true);
  await put({ developer_code: "canary-one" });
  await put({ client_id: "other", client_secret: "canary-two", developer_code: "canary-code" });
  expect(await client()).toMatchObject({ client_id: "other", client_secret: "canary-two" });
  expect(await client("id")).toMatchObject({
    client_id: "id",
    client_secret: "hush",
    secrets: { developer_code: "canary-one" },
  });
  await expect(client("gone")).rejects.toMatchObject({ code: "app_not_configured" });
  expect(JSON.stringify(stored)).not.toMatch(/canary|hush/);
});

test("The secret before the saved one comes with the client for as long as it is held, and never from another client", async () => {
  connector = connectorWith(true);
  await put({});
  expect((await client()).previous).toBeUndefined();
  await put({ client_secret: "canary-two" });
  expect((await client()).previous?.client_secret).toBe("hush");
  await put({ client_secret: "canary-two" });
  expect((await client()).previous?.client_secret).toBe("hush");
  await put({ client_id: "other", client_secret: "canary-three" });
  expect((await client()).previous).toBeUndefined();
  expect((await client("id")).previous?.client_secret).toBe("hush");
  await put({ client_id: "other", client_secret: "canary-four", keep_previous: false });
  expect((await client()).previous).toBeUndefined();
});
