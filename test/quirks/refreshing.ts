import type { Row } from "./row.ts";

const minute = 60_000;
const day = 24 * 60 * minute;

const needsReauth = async (answer: Promise<{ readonly json: unknown }>) =>
  expect((await answer).json).toMatchObject({ status: 409, code: "needs_reauth" });

/** Where a sign-in is withdrawn: what the last disconnecting sent. */
const revokes =
  (path: string, times: number): NonNullable<Row["then"]> =>
  async ({ realm, remove }) => {
    const answer = await remove();
    expect({ status: answer.status, refusals: realm.refusals, times: realm.at(path).length }).toEqual({
      status: 204,
      refusals: [],
      times,
    });
    expect(realm.ledger.ended).toBe(true);
  };

/** How credentials are replaced, and how they end. */
export const refreshRows: readonly Row[] = [
  { name: "never replaces its refresh tokens", switches: { "refresh.rotation": "never" } },
  { name: "replaces its refresh tokens now and then", switches: { "refresh.rotation": "maybe" } },
  {
    name: "replaces its refresh tokens each time, and ends everything where an old one comes back",
    switches: { "refresh.rotation": "always" },
    then: async ({ realm, refresh, step }) => {
      const before = realm.at("/token").length;
      realm.ledger.invalidate();
      const answers = await Promise.all(Array.from({ length: 20 }, step));
      expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
      expect(realm.at("/token").length - before).toBe(1);
      expect((await refresh()).status).toBe(200);
      expect(realm.refusals.filter((why) => why.startsWith("refresh"))).toEqual([]);
      realm.ledger.withdraw();
      await needsReauth(refresh());
    },
  },
  {
    name: "answers an old refresh token with its successor for a while",
    switches: { "refresh.rotation": "always", "refresh.grace": 30_000 },
    says: { refresh: { rotation: "always", grace: "30s" } },
    plainly: "same",
  },
  {
    name: "answers the loser of a race with 400 and nothing",
    switches: { "refresh.rotation": "always", "refresh.reused": { status: 400, body: "" } },
    then: async ({ realm, refresh }) => {
      const before = realm.at("/token").length;
      const answers = await Promise.all(Array.from({ length: 5 }, refresh));
      expect(answers.map(({ status }) => status)).toEqual(Array(5).fill(200));
      expect(realm.at("/token").length - before).toBeGreaterThan(0);
      expect(realm.refusals).toEqual([]);
    },
  },
  {
    name: "lets refresh tokens die unused",
    switches: { "refresh.rotation": "always", "refresh.idle_max": 100 * day },
    says: { refresh: { rotation: "always", idle_max: "100d", max_age: "1825d" } },
    plainly: "same",
    then: async ({ realm, refresh }) => {
      realm.ledger.skew = 99 * day;
      expect((await refresh()).status).toBe(200);
      realm.ledger.skew += 101 * day;
      await needsReauth(refresh());
      expect(realm.refusals).toEqual(["refresh: idle for too long", "/token: the refresh token is idle for too long"]);
    },
  },
  {
    name: "keeps refresh tokens alive only as long as they are used",
    switches: { "refresh.rotation": "always", "token.response.expires_in": "missing" },
    says: { refresh: { rotation: "always", idle_max: "3s" } },
    minutes: null,
    plainly: "same",
    then: async ({ realm }) => {
      const before = realm.at("/token").length;
      const { until } = await import("../harness/wait.ts");
      await until("two refreshes that nobody asked for", () => realm.at("/token").length >= before + 2);
      expect(realm.refusals).toEqual([]);
    },
  },
  {
    name: "ends refresh tokens some time after the sign-in, whatever happens",
    switches: { "refresh.max_age": 365 * day },
    then: async ({ realm, refresh }) => {
      realm.ledger.skew = 366 * day;
      await needsReauth(refresh());
    },
  },
  {
    name: "tells when the refresh token ends",
    switches: { "token.response": (answer) => ({ ...answer, x_refresh_token_expires_in: 8_640_000 }) },
    says: { token: { response: { refresh_token_expires_in: "x_refresh_token_expires_in" } } },
    plainly: "same",
  },
  {
    name: "refreshes at another address",
    switches: { "refresh.path": "/refresh" },
    says: { refresh: { url: "{url}/refresh" } },
    plainly: "same",
    then: async ({ realm }) => expect([realm.at("/token").length, realm.at("/refresh").length]).toEqual([1, 2]),
  },
  {
    name: "wants the scopes again at a refresh",
    switches: { "refresh.params": { scope: "read write" } },
    says: { refresh: { params: { scope: "{{ 'read write' }}" } } },
    plainly: "same",
  },
  {
    name: "wants the redirect URL at a refresh",
    switches: { "refresh.params": { redirect_uri: /^http:.*\/oauth\/callback\// } },
    says: { refresh: { params: { redirect_uri: "{{ platform.redirect_uri }}" } } },
    plainly: "same",
  },
  {
    name: "has no refresh token, and exchanges the access token by GET",
    switches: {
      "refresh.path": "/refresh_access_token",
      "refresh.method": "GET",
      "refresh.subject": "access_token",
      "refresh.params": { grant_type: "acme_refresh_token", access_token: /./ },
    },
    says: {
      refresh: {
        url: "{url}/refresh_access_token",
        method: "GET",
        subject: "access_token",
        params: { grant_type: "acme_refresh_token", access_token: "{{ token.access_token }}" },
      },
    },
    plainly: { status: "connected", renewable: false },
  },
  {
    name: "has no refresh token, and exchanges the access token only after a day",
    switches: {
      "refresh.path": "/refresh_access_token",
      "refresh.method": "GET",
      "refresh.subject": "access_token",
      "refresh.min_age": day,
      "refresh.params": { grant_type: "acme_refresh_token", access_token: /./ },
    },
    says: {
      refresh: {
        url: "{url}/refresh_access_token",
        method: "GET",
        subject: "access_token",
        min_age: "1d",
        params: { grant_type: "acme_refresh_token", access_token: "{{ token.access_token }}" },
      },
    },
    plainly: { status: "connected", renewable: false },
    notYet: "refresh_too_soon",
  },
  {
    name: "answers a refresh in another shape than the exchange",
    switches: {
      "token.response": (answer, moment) =>
        moment === "exchange" ? answer : { renewed: { key: answer.access_token, lasts: answer.expires_in } },
    },
    says: { refresh: { response: { access_token: "renewed.key", expires_in: "renewed.lasts" } } },
    plainly: "same",
  },
  // the end
  {
    name: "revokes tokens one by one",
    switches: { "client.authentication": "client_secret_basic" },
    says: { client: { authentication: "client_secret_basic" }, revocation: { url: "{url}/revoke" } },
    then: revokes("/revoke", 2),
  },
  {
    name: "revokes by GET with the token in the query",
    switches: { "revocation.method": "GET", "revocation.authentication": "nothing", "revocation.params": ["token"] },
    says: {
      revocation: {
        url: "{url}/revoke",
        method: "GET",
        authentication: "none",
        tokens: ["refresh_token"],
        params: { client_id: null, token_type_hint: null },
      },
    },
    plainly: "same",
    then: revokes("/revoke", 1),
  },
  {
    name: "revokes by DELETE, with Basic and JSON",
    switches: {
      "revocation.method": "DELETE",
      "revocation.encoding": "json",
      "revocation.authentication": "client_secret_basic",
      "revocation.params": ["access_token"],
    },
    says: {
      revocation: {
        url: "{url}/revoke",
        method: "DELETE",
        encoding: "json",
        authentication: "client_secret_basic",
        tokens: ["access_token"],
        params: { token: null, token_type_hint: null, access_token: "{{ token.access_token }}" },
      },
    },
    plainly: "same",
    then: revokes("/revoke", 1),
  },
  {
    name: "revokes by POST with JSON, and the secret in a header of its own kind",
    switches: {
      "revocation.encoding": "json",
      "revocation.authentication": "header Client",
      "revocation.params": ["refresh_token"],
    },
    says: {
      revocation: {
        url: "{url}/revoke",
        encoding: "json",
        authentication: "none",
        headers: { Authorization: "Client {{ app.client_secret }}" },
        tokens: ["refresh_token"],
        params: { token: null, token_type_hint: null, refresh_token: "{{ token.refresh_token }}" },
      },
    },
    plainly: "same",
    then: revokes("/revoke", 1),
  },
  {
    name: "revokes at an address of each token",
    switches: {},
    says: {
      revocation: { request: { method: "POST", url: "{url}/tokens/{{ token.refresh_token }}" } },
      whitelist: ["{url}/api/", "{url}/tokens/"],
    },
    plainly: "same",
    then: async ({ realm, remove }) => {
      expect([(await remove()).status, realm.refusals, realm.ledger.ended]).toEqual([204, [], true]);
    },
  },
];
