// @ts-check
/*
 * Connections as a sign-in leaves them, written straight into a store: sealed with the key that the product is given, their app beside them.
 */
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSealer, untold } from "@jackfield/engine";
import { compile } from "@jackfield/manifest";

/** @typedef {import("@jackfield/engine").ConnectionRecord} ConnectionRecord */
/** @typedef {import("@jackfield/engine").AppRecord} AppRecord */
/** @typedef {import("@jackfield/engine").Store} Store */

const key = randomBytes(32);
const keys = { active: "bench", get: () => key };
const sealer = createSealer(keys, randomBytes);

const hour = 3_600_000;
const day = 24 * hour;

/** How many there are: of each app a process has only so many refreshes under way. */
const apps = 4;

/** @param {string} name @param {string} provider */
const manifestOf = (name, provider) => `manifest: 1
name: ${name}
title: Bench
base_url: ${provider}/api
auth:
  oauth:
    type: oauth2
    grant: authorization_code
    authorization: { url: "${provider}/authorize" }
    token: { url: "${provider}/token" }
    scopes: { required: [{ name: read, reason: Read what is there. }] }
    test: { request: { path: /me } }
    label: "{{ me.name }}"
    unique_id: me.id
`;

/**
 * The connectors whose tokens come from a provider.
 * @typedef {{ name: string, text: string, version: { readonly id: string, readonly definition: string } }} BenchConnector
 * @param {string} provider its origin
 */
export function benchConnectors(provider) {
  return Array.from({ length: apps }, (_, number) => {
    const name = `bench-${number}`;
    const text = manifestOf(name, provider);
    const { connector, problems } = compile(text, { file: "connector.yaml", folder: name, plainHttp: () => true });
    const version = connector?.auth.oauth?.versions.production;
    if (version === undefined) throw new Error(problems.map(({ message }) => message).join("\n"));
    return { name, text, version };
  });
}

/** @type {string[]} */
const folders = [];
process.once("exit", () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

/** A folder that goes with this process. */
export function temporary() {
  const folder = mkdtempSync(join(tmpdir(), "jackfield-bench-"));
  folders.push(folder);
  return folder;
}

/** What the product is told so that it knows the connectors and opens what is sealed here. @param {readonly BenchConnector[]} connectors */
export function environment(connectors) {
  const folder = temporary();
  for (const { name, text } of connectors) {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, "connector.yaml"), text);
    writeFileSync(join(folder, name, "icon.svg"), '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"/>\n');
  }
  return { CONNECTORS_DIR: folder, MASTER_KEYS: `${keys.active}:${key.toString("base64")}` };
}

const place = { workspace: "default", auth: "oauth", environment: "production" };

/** @param {string} connector @returns {AppRecord} */
function appRecord(connector) {
  const at = new Date().toISOString();
  const sealed = { workspace: place.workspace, connector, id: `${place.auth}/${place.environment}` };
  return {
    ...place,
    connector,
    client_id: "bench",
    fields: {},
    sealed_secret: sealer.seal({ ...sealed, field: "app" }, { client_secret: randomBytes(24).toString("hex"), extra: {} }),
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
    created_at: at,
    updated_at: at,
  };
}

/** As long as tokens mostly are. @param {string} kind */
const token = (kind) => `${kind}-${randomBytes(30).toString("hex")}`;

/** @param {number} number */
export const idOf = (number) => `con_${String(number).padStart(20, "0")}`;

/**
 * One of many connections.
 * @param {number} number
 * @param {BenchConnector} of
 * @param {number} due when it is to be refreshed, in milliseconds since the epoch
 * @returns {ConnectionRecord}
 */
export function connectionRecord(number, { name: connector, version }, due) {
  const now = Date.now();
  const id = idOf(number);
  const unique_id = `account-${number}`;
  const made = new Date(now - 30 * day + number).toISOString();
  const expires = due + hour / 5;
  const [access_token, refresh_token] = [token("at"), token("rt")];
  const credential = {
    access_token,
    refresh_token,
    token_type: "Bearer",
    expires_at: expires,
    lifetime: hour,
    raw: { access_token, refresh_token, token_type: "Bearer", expires_in: 3600, scope: "read" },
    known: { callback: {}, token: {}, connection: {} },
  };
  const { workspace } = place;
  return {
    ...untold,
    ...place,
    id,
    connector,
    owner: `person-${number % 1000}`,
    status: "connected",
    name: null,
    description: null,
    label: `Person ${number}'s Bench`,
    unique_id,
    identity: JSON.stringify([workspace, `person-${number % 1000}`, connector, place.auth, place.environment, unique_id]),
    fields: {},
    sealed_fields: null,
    sealed_credential: sealer.seal({ workspace, connector, id, field: "credential" }, credential),
    client_id: "bench",
    auth_version: version.id,
    credential_version: 1,
    scopes: ["read"],
    renewable: true,
    expires_at: new Date(expires).toISOString(),
    refresh_at: new Date(due).toISOString(),
    authorized_at: made,
    last_used_at: made,
    last_test: { at: made, outcome: "passed", status: 200, duration_ms: 120 },
    connected_by: "key/key_0123456789abcdef",
    created_at: made,
    updated_at: made,
  };
}

/** How many are written at once. */
const together = 32;

/**
 * Writes the apps and so many connections, due at `due`, through the store's port.
 * @param {Store} store
 * @param {readonly BenchConnector[]} connectors
 * @param {{ count: number, due: number }} options
 */
export async function fill(store, connectors, { count, due }) {
  for (const { name, version } of connectors) {
    await store.apps.put(appRecord(name));
    await store.auth_versions.put(version.id, version.definition, new Date().toISOString());
  }
  await inParallel(count, (number) => {
    const connector = connectors[number % connectors.length];
    if (connector === undefined) throw new Error("There is no connector.");
    return store.connections.insert(connectionRecord(number, connector, due), []);
  });
}

/** Does something for each number below `count`, some at a time. @param {number} count @param {(number: number) => Promise<unknown>} work */
export async function inParallel(count, work) {
  let next = 0;
  const one = async () => {
    for (let number = next++; number < count; number = next++) await work(number);
  };
  await Promise.all(Array.from({ length: together }, one));
}
