import { createHash, generateKeyPairSync } from "node:crypto";
import { password } from "../provider/quirks.ts";
import type { Row } from "./row.ts";

const rsa = generateKeyPairSync("rsa", {
  modulusLength: 2048,
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
  publicKeyEncoding: { type: "spki", format: "pem" },
});
const ec = generateKeyPairSync("ec", {
  namedCurve: "P-256",
  privateKeyEncoding: { type: "pkcs8", format: "pem" },
  publicKeyEncoding: { type: "spki", format: "pem" },
});

const keyField = { name: "private_key", type: "text", label: "Private key", secret: true, help: "From the app's page." };

/** A grant without a person. */
const alone = (grant: string) => ({ grant, authorization: undefined, label: "{{ me.name }}" });

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

/** How authorization and token requests are made. */
export const requestRows: readonly Row[] = [
  // the client's proof
  {
    name: "takes the client only by Basic, form-encoded",
    switches: { "client.authentication": "client_secret_basic" },
    says: { client: { authentication: "client_secret_basic" } },
  },
  {
    name: "takes the client only by Basic, as it is",
    switches: { "client.authentication": "client_secret_basic_raw" },
    says: { client: { authentication: "client_secret_basic_raw" } },
  },
  {
    name: "wants the client's ID in the body as well as Basic",
    switches: { "client.authentication": "basic and client_id" },
    says: {
      client: { authentication: "client_secret_basic" },
      token: { params: { client_id: "{{ app.client_id }}" } },
      refresh: { params: { client_id: "{{ app.client_id }}" } },
    },
  },
  {
    name: "takes the secret alone as the user name of Basic",
    switches: { "client.authentication": "basic with the secret alone" },
    says: {
      client: { authentication: "none" },
      token: { headers: { Authorization: "Basic {{ $base64(app.client_secret & ':') }}" } },
    },
  },
  {
    name: "takes the client only in the query",
    switches: { "client.authentication": "query" },
    says: { client: { authentication: "query" } },
  },
  {
    name: "takes the secret as a bearer token",
    switches: { "client.authentication": "bearer" },
    says: { client: { authentication: "bearer" } },
  },
  {
    name: "takes the secret in a header of its own",
    switches: { "client.authentication": "header X-Api-Key" },
    says: {
      client: { authentication: "none" },
      token: { headers: { "X-Api-Key": "{{ app.client_secret }}" }, params: { client_id: null } },
      refresh: { params: { client_id: null } },
    },
  },
  {
    name: "takes no secret at all",
    switches: { "client.authentication": "none" },
    says: { client: { authentication: "none" } },
  },
  {
    name: "takes a JSON Web Token signed with the secret",
    switches: { "client.authentication": "client_secret_jwt", "client.assertion": { alg: "HS256" } },
    says: { client: { authentication: "client_secret_jwt" } },
  },
  {
    name: "takes a JSON Web Token signed with RS256, for its issuer",
    switches: {
      "client.authentication": "private_key_jwt",
      "client.assertion": { key: rsa.publicKey, alg: "RS256", aud: "https://as.acme.example" },
    },
    says: {
      client: { authentication: "private_key_jwt", fields: [keyField], assertion: { audience: "https://as.acme.example" } },
    },
    app: { private_key: rsa.privateKey },
  },
  {
    name: "takes a JSON Web Token signed with ES256 and a key ID",
    switches: {
      "client.authentication": "private_key_jwt",
      "client.assertion": { key: ec.publicKey, alg: "ES256", kid: "k-1", scope: "business" },
    },
    says: {
      client: {
        authentication: "private_key_jwt",
        fields: [keyField],
        assertion: { algorithm: "ES256", key_id: "k-1", claims: { scope: "business" } },
      },
    },
    app: { private_key: ec.privateKey },
  },
  {
    name: "calls the client `client_key`",
    switches: { "client.id_param": "client_key" },
    says: { client: { id_param: "client_key" } },
  },
  {
    name: "calls client and secret `appid` and `secret`, and wants them in the query of a GET in its order, with its fragment",
    switches: {
      "client.id_param": "appid",
      "client.secret_param": "secret",
      "token.method": "GET",
      "authorization.order": ["appid", "redirect_uri", "response_type", "scope", "state"],
    },
    says: {
      client: { id_param: "appid", secret_param: "secret" },
      authorization: { order: ["appid", "redirect_uri", "response_type", "scope", "state"], fragment: "wechat_redirect" },
      token: { method: "GET" },
    },
  },
  {
    name: "wants a hash of secret and code in place of the secret",
    switches: {
      "client.authentication": "none",
      "token.params": { hash: /^[0-9a-f]{64}$/ },
      "refresh.params": { hash: (realm) => sha256(`${realm.client.client_secret}|refresh`) },
    },
    says: {
      client: { authentication: "none" },
      token: { params: { hash: "{{ $sha256(app.client_secret & '|' & request.code) }}" } },
      refresh: { params: { hash: "{{ $sha256(app.client_secret & '|refresh') }}" } },
    },
    then: async ({ realm }) => {
      const [exchange] = realm.at("/token");
      expect(exchange?.form.get("hash")).toBe(sha256(`${realm.client.client_secret}|${exchange?.form.get("code")}`));
    },
  },
  // encodings and methods
  { name: "takes its parameters only as JSON", switches: { "token.encoding": "json" }, says: { token: { encoding: "json" } } },
  {
    name: "takes JSON and Basic, and the owner as a parameter",
    switches: {
      "token.encoding": "json",
      "client.authentication": "client_secret_basic",
      "authorization.params": { owner: "user" },
    },
    says: {
      client: { authentication: "client_secret_basic" },
      authorization: { params: { owner: "user" } },
      token: { encoding: "json" },
    },
  },
  {
    name: "takes its parameters only in the query of a POST",
    switches: { "token.encoding": "query" },
    says: { token: { encoding: "query" } },
  },
  {
    name: "has a token endpoint that is read with GET",
    switches: { "token.method": "GET", "refresh.path": "/refresh", "refresh.method": "GET" },
    says: { token: { method: "GET" }, refresh: { url: "{url}/refresh" } },
  },
  {
    name: "has a token endpoint that is sensitive to its last slash",
    switches: { "token.path": "/token/" },
    says: { token: { url: "{url}/token/" } },
  },
  {
    name: "has a token endpoint with a query of its own",
    switches: { "token.params": {} },
    says: { token: { url: "{url}/token?fixed=a%20b" } },
    plainly: "same",
    then: async ({ realm }) => expect(realm.at("/token").map(({ query }) => query.get("fixed"))).toEqual(["a b", "a b", "a b"]),
  },
  {
    name: "wants headers at its token endpoint",
    switches: { "token.headers": { "User-Agent": "linux:acme:v1 (by /u/ada)", "X-Version": "2026-01" } },
    says: { token: { headers: { "User-Agent": "linux:acme:v1 (by /u/ada)", "X-Version": "2026-01" } } },
  },
  // parameters
  {
    name: "calls code and parameters by other names",
    switches: {
      "callback.code": "auth_code",
      "token.rename": { code: "auth_code", redirect_uri: "redirectUri" },
      "authorization.rename": { redirect_uri: "redirectUri", state: "customField", response_type: "responseType" },
      "scopes.param": "permissions",
      "scopes.separator": ",",
    },
    says: {
      scopes: { param: "permissions", separator: "," },
      authorization: { rename: { redirect_uri: "redirectUri", state: "customField", response_type: "responseType" } },
      callback: { code: "auth_code" },
      token: { rename: { code: "auth_code", redirect_uri: "redirectUri" } },
    },
  },
  {
    name: "separates scopes by commas",
    switches: { "scopes.separator": "," },
    says: { scopes: { separator: "," } },
  },
  {
    name: "separates scopes by plus signs",
    switches: { "scopes.separator": "+" },
    says: { scopes: { separator: "+" } },
  },
  {
    name: "refuses `response_type`",
    switches: { "authorization.params": { response_type: null } },
    says: { authorization: { params: { response_type: null } } },
  },
  {
    name: "refuses `scope`",
    switches: { "authorization.params": { scope: null } },
    says: { authorization: { params: { scope: null } } },
  },
  {
    name: "wants a fresh nonce, an audience, and its own parameter at both endpoints",
    switches: {
      "authorization.params": { nonce: /^[0-9a-f-]{36}$/, audience: "https://api.acme.example/", type: "web_server" },
      "token.params": { audience: "https://api.acme.example/", type: "web_server" },
      "refresh.params": { audience: "https://api.acme.example/", type: "refresh" },
    },
    says: {
      audience: "https://api.acme.example/",
      authorization: { params: { nonce: "{{ $uuid() }}", type: "web_server" } },
      token: { params: { type: "web_server" } },
      refresh: { params: { type: "refresh" } },
    },
  },
  {
    name: "refuses a code challenge and a code verifier",
    switches: { "authorization.pkce": "none" },
    says: { authorization: { pkce: { none: "It refuses code_verifier." } } },
  },
  {
    name: "takes a code challenge only in hex",
    switches: { "authorization.pkce": "S256-hex" },
    says: { authorization: { pkce: "S256-hex" } },
  },
  {
    name: "takes a code challenge only in the clear",
    switches: { "authorization.pkce": "plain" },
    says: { authorization: { pkce: "plain" } },
  },
  {
    name: "refuses `redirect_uri` in the exchange",
    switches: { "token.params": { redirect_uri: null } },
    says: { token: { params: { redirect_uri: null } } },
  },
  {
    name: "refuses `redirect_uri` in the exchange, said with `omit`",
    switches: { "token.params": { redirect_uri: null } },
    says: { token: { omit: ["redirect_uri"] } },
  },
  {
    name: "refuses `grant_type` and wants an action instead",
    switches: {
      "token.params": { grant_type: null, action: "requesttoken" },
      "refresh.path": "/refresh",
      "refresh.params": { grant_type: null, action: "refreshtoken" },
    },
    says: {
      token: { params: { grant_type: null, action: "requesttoken" } },
      refresh: { url: "{url}/refresh", params: { grant_type: null, action: "refreshtoken" } },
    },
  },
  {
    name: "takes the code as an assertion of a grant type of its own",
    switches: {
      "token.rename": { code: "assertion" },
      "token.params": { grant_type: "urn:acme:grant:code" },
      "token.grants": ["authorization_code"],
    },
    says: { token: { rename: { code: "assertion" }, params: { grant_type: "urn:acme:grant:code" } } },
  },
  {
    name: "knows our redirect URL by a name",
    switches: { "callback.redirect_uri": "Acme-Acme-RuName-1" },
    says: { callback: { redirect_uri: "Acme-Acme-RuName-1" } },
  },
  // the callback
  {
    name: "sends a code back that is encoded once more",
    switches: { "callback.encode": encodeURIComponent },
    says: { token: { params: { code: "{{ $decodeUrlComponent(request.code) }}" } } },
  },
  {
    name: "hangs `#_` behind the redirect URL",
    switches: { "callback.fragment": "#_" },
  },
  {
    name: "hangs `#_` onto the code itself",
    switches: { "callback.encode": (code) => `${code}#_` },
    says: { token: { params: { code: "{{ $replace(request.code, /#_$/, '') }}" } } },
  },
  {
    name: "names the account in the callback",
    switches: { "callback.capture": { realmId: "9130355" }, base_url: "/company/9130355" },
    says: {
      callback: { capture: { realm: { param: "realmId", pattern: "^[0-9]{1,20}$" } } },
      base_url: "{url}/api/company/{{ callback.realm }}",
    },
  },
  {
    name: "names the zone in the callback, where the token is handed out and where the API lives",
    switches: { "callback.capture": { location: "eu" }, "token.path": "/token/eu", base_url: "/eu" },
    says: {
      callback: { capture: { zone: { param: "location", options: ["eu", "us"] } } },
      token: { url: "{url}/token/{{ callback.zone }}" },
      base_url: "{url}/api/{{ callback.zone }}",
    },
  },
  {
    name: "sends a tenant back and no code, and hands out tokens to the client alone",
    switches: {
      "callback.codeless": true,
      "callback.capture": { tenant: "t-1", admin_consent: "True" },
      "authorization.params": { response_type: null },
      "authorization.pkce": "none",
      "token.path": "/token/t-1",
      "token.params": { grant_type: "client_credentials", code: null, redirect_uri: null, scope: "api/.default" },
      "token.response": ({ refresh_token: _, ...answer }) => answer,
    },
    says: {
      authorization: { params: { response_type: null }, pkce: { none: "There is no code." } },
      callback: { code: "tenant", capture: { tenant: { pattern: "^t-[0-9]+$" } } },
      token: {
        url: "{url}/token/{{ callback.tenant }}",
        params: { grant_type: "client_credentials", code: null, redirect_uri: null, scope: "api/.default" },
      },
    },
    renews: false,
  },
  // further exchanges
  {
    name: "hands out a short token that is exchanged for a long one",
    switches: { "token.then": 1 },
    says: { token: { then: [{ request: { url: "{url}/step", query: { token: "{{ token.access_token }}" } } }] } },
    plainly: { status: "error", error: expect.objectContaining({ code: "credentials_invalid" }) },
  },
  {
    name: "wants three exchanges",
    switches: { "token.then": 2 },
    says: {
      token: {
        then: [1, 2].map(() => ({
          request: { method: "POST", url: "{url}/step", headers: { Authorization: "Bearer {{ token.access_token }}" } },
        })),
      },
    },
    plainly: { status: "error", error: expect.objectContaining({ code: "credentials_invalid" }) },
  },
  {
    name: "hands out a session whose address is told with it each time",
    switches: { "token.then": 1, base_url: "/rest-9" },
    says: {
      base_url: "{url}/api/{{ token.rest }}",
      token: {
        then: [
          {
            request: { url: "{url}/step", query: { token: "{{ token.access_token }}" } },
            valid: "$exists(body.access_token)",
            capture: { rest: { value: "$substringAfter(rest_url, '/api/')", pattern: "^rest-[0-9]+$" } },
          },
        ],
      },
    },
  },
  {
    name: "wants a token of the app before it takes the code",
    switches: {
      "authorization.pkce": "none",
      "token.then": 1,
      "token.then.code": true,
      "token.params": { grant_type: "app", code: null, redirect_uri: null, code_verifier: null },
    },
    says: {
      authorization: { pkce: { none: "The app's token comes first." } },
      token: {
        params: { grant_type: "app", code: null, redirect_uri: null },
        then: [
          {
            on: ["exchange"],
            request: {
              method: "POST",
              url: "{url}/step",
              headers: { Authorization: "Bearer {{ token.access_token }}" },
              body: { code: "{{ request.code }}" },
            },
          },
        ],
      },
      refresh: { strategy: "none" },
    },
    renews: false,
  },
  // grants without a person
  {
    name: "hands out tokens to the client",
    switches: { "token.grants": ["client_credentials"], "token.response": ({ refresh_token: _, ...answer }) => answer },
    says: alone("client_credentials"),
  },
  {
    name: "hands out tokens to the client by a grant type of its own, for an account that is typed in",
    switches: {
      "client.authentication": "client_secret_basic",
      "token.grants": ["client_credentials"],
      "token.response": ({ refresh_token: _, ...answer }) => answer,
      "token.params": { grant_type: "account_credentials", account_id: "acc-7", scope: null },
    },
    says: {
      ...alone("client_credentials"),
      fields: [{ name: "account", label: "Account ID", required: true }],
      client: { authentication: "client_secret_basic" },
      token: { params: { grant_type: "account_credentials", account_id: "{{ fields.account }}", scope: null } },
    },
    fields: { account: "acc-7" },
  },
  {
    name: "hands out tokens for a password",
    switches: { "token.grants": ["password"], "client.authentication": "client_secret_basic" },
    says: { ...alone("password"), acknowledge_risk: "password_grant", client: { authentication: "client_secret_basic" } },
    fields: { username: "ada@example.com", password },
  },
  {
    name: "hands out tokens for a signed assertion, and tells no end",
    switches: {
      "token.grants": ["urn:ietf:params:oauth:grant-type:jwt-bearer"],
      "client.authentication": "nothing",
      "token.assertion": { key: rsa.publicKey, alg: "RS256", sub: "ada@example.com" },
      "token.response.expires_in": "missing",
      "token.response": ({ refresh_token: _, ...answer }) => answer,
    },
    says: {
      ...alone("jwt_bearer"),
      client: { authentication: "none", fields: [keyField] },
      fields: [{ name: "user", label: "User", required: true }],
      assertion: { claims: { sub: "{{ fields.user }}" } },
      token: { params: { client_id: null } },
      refresh: { params: { client_id: null }, default_lifetime: "1h" },
    },
    app: { private_key: rsa.privateKey },
    fields: { user: "ada@example.com" },
  },
];
