import { createHash, createHmac, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { Browser } from "./harness/browser.ts";
import { cleanup } from "./harness/cleanup.ts";
import { begin, draft, look, step } from "./harness/connect.ts";
import { type Product, startProduct } from "./harness/product.ts";
import { startListener } from "./provider/listener.ts";
import { backTo, type OddProvider, type Reply, type Seen, startOddProvider } from "./provider/odd.ts";

// Providers that forge, lie or are not there: what they publish and sign is the test's to say, each under an issuer of its own.

jest.setTimeout(60_000);

let odd: OddProvider;
let stranger: OddProvider;
let product: Product;

const clientId = "an id";
const clientSecret = "a secret of the id-token tests";
const newSecret = "the secret that comes after it";
const accessToken = "an-access-token";

const rsa = () => generateKeyPairSync("rsa", { modulusLength: 2048 });
const keys = rsa();
const otherKeys = rsa();
const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
const publicPem = keys.publicKey.export({ type: "spki", format: "pem" }).toString();
const jwk = (key: KeyObject, kid: string) => ({ ...key.export({ format: "jwk" }), kid, use: "sig" });

type Claims = Record<string, unknown>;

interface Signing {
  readonly alg?: string;
  readonly kid?: string | null;
  readonly with?: (text: string) => Buffer;
}

const encode = (data: unknown) => Buffer.from(JSON.stringify(data)).toString("base64url");

function jwt(claims: Claims, signing: Signing = {}): string {
  const { alg = "RS256", kid = "first", with: by = (text) => sign("sha256", Buffer.from(text), keys.privateKey) } = signing;
  const text = `${encode({ alg, ...(kid === null ? {} : { kid }) })}.${encode(claims)}`;
  return `${text}.${by(text).toString("base64url")}`;
}

/** A kind of provider: what differs from one that does everything right. */
interface Kind {
  readonly claims?: (right: Claims, seen: Seen) => Claims;
  readonly signing?: Signing;
  readonly metadata?: (right: Claims) => unknown;
  readonly keys?: () => unknown[];
  readonly refreshed?: (right: Claims) => Claims;
  readonly userinfo?: Claims;
  /** The client secrets that it takes. Default: any. */
  readonly takes?: readonly string[];
}

const now = () => Math.floor(Date.now() / 1000);
const hash = (digest: string, text: string) => {
  const whole = createHash(digest).update(text).digest();
  return whole.subarray(0, whole.length / 2).toString("base64url");
};

const kinds: Record<string, Kind> = {
  right: {},
  // Everything that may differ and still be right.
  otherwise: {
    claims: (right) => ({
      ...right,
      aud: [clientId, "another"],
      azp: clientId,
      iat: now() + 30,
      exp: now() - 30,
      at_hash: hash("sha256", accessToken),
    }),
    signing: {
      alg: "ES256",
      kid: null,
      with: (text) => sign("sha256", Buffer.from(text), { key: ec.privateKey, dsaEncoding: "ieee-p1363" }),
    },
    keys: () => [jwk(otherKeys.publicKey, "a"), jwk(ec.publicKey, "b"), jwk(keys.publicKey, "c")],
  },
  secret: {
    signing: { alg: "HS256", with: (text) => createHmac("sha256", clientSecret).update(text).digest() },
    metadata: (right) => ({ ...right, id_token_signing_alg_values_supported: ["RS256", "HS256"] }),
  },
  // It was not given the app's new secret yet.
  behind: {
    signing: { alg: "HS256", with: (text) => createHmac("sha256", clientSecret).update(text).digest() },
    metadata: (right) => ({ ...right, id_token_signing_alg_values_supported: ["RS256", "HS256"] }),
    takes: [clientSecret],
  },
  // It was, and signs with the old one still.
  between: {
    signing: { alg: "HS256", with: (text) => createHmac("sha256", clientSecret).update(text).digest() },
    metadata: (right) => ({ ...right, id_token_signing_alg_values_supported: ["RS256", "HS256"] }),
    takes: [clientSecret, newSecret],
  },
  rotating: {
    keys: () => (rotated ? [jwk(otherKeys.publicKey, "second")] : [jwk(keys.publicKey, "first")]),
  },
  "wrong-nonce": { claims: (right) => ({ ...right, nonce: "of another sign-in" }) },
  "no-nonce": { claims: ({ nonce: _, ...right }) => right },
  "wrong-key": { signing: { with: (text) => sign("sha256", Buffer.from(text), otherKeys.privateKey) } },
  "unknown-key": { signing: { kid: "nobody's" } },
  none: { signing: { alg: "none", with: () => Buffer.alloc(0) } },
  // The public key is known to everybody, so that everybody could sign with it as a secret.
  "public-key": { signing: { alg: "HS256", with: (text) => createHmac("sha256", publicPem).update(text).digest() } },
  "public-key-listed": {
    signing: { alg: "HS256", with: (text) => createHmac("sha256", publicPem).update(text).digest() },
    metadata: (right) => ({ ...right, id_token_signing_alg_values_supported: ["RS256", "HS256"] }),
  },
  expired: { claims: (right) => ({ ...right, exp: now() - 120 }) },
  "other-audience": { claims: (right) => ({ ...right, aud: "somebody else" }) },
  "other-party": { claims: (right) => ({ ...right, aud: [clientId, "another"] }) },
  "other-azp": { claims: (right) => ({ ...right, azp: "another" }) },
  "other-issuer": { claims: (right) => ({ ...right, iss: `${right.iss}/` }) },
  future: { claims: (right) => ({ ...right, iat: now() + 600 }) },
  "no-subject": { claims: ({ sub: _, ...right }) => right },
  "other-token": { claims: (right) => ({ ...right, at_hash: hash("sha256", "another token") }) },
  "other-person": { userinfo: { sub: "mallory" } },
  "changed-subject": { refreshed: (right) => ({ ...right, sub: "mallory" }) },
  "same-subject": { refreshed: ({ nonce: _, ...right }) => ({ ...right, exp: now() + 600 }) },
  liar: {
    metadata: (right) => ({ ...right, issuer: `${right.issuer}/other` }),
    claims: (right) => ({ ...right, nonce: "forged" }),
  },
  tenants: {
    metadata: (right) => ({ ...right, issuer: `${odd.url}/{tenantid}` }),
    claims: (right) => ({ ...right, iss: `${odd.url}/tenant-7`, tid: "tenant-7" }),
  },
  "wrong-tenant": {
    metadata: (right) => ({ ...right, issuer: `${odd.url}/{tenantid}` }),
    claims: (right) => ({ ...right, iss: `${odd.url}/tenant-7`, tid: "tenant-8" }),
  },
  "no-keys": { keys: () => [], signing: { with: (text) => sign("sha256", Buffer.from(text), otherKeys.privateKey) } },
  "foreign-keys": {
    metadata: (right) => ({ ...right, jwks_uri: `${stranger.url}/jwks` }),
    claims: (right) => ({ ...right, nonce: "forged" }),
  },
  "must-push": {
    metadata: (right) => ({
      ...right,
      pushed_authorization_request_endpoint: `${right.issuer}/par`,
      require_pushed_authorization_requests: true,
    }),
  },
  "foreign-push": {
    metadata: (right) => ({
      ...right,
      pushed_authorization_request_endpoint: `${stranger.url}/par`,
      require_pushed_authorization_requests: true,
    }),
  },
};

/** Names after which a provider is not there, each in its way. */
const gone: Record<string, Reply> = {
  missing: { status: 404, body: "nothing" },
  failing: { status: 503, body: "later" },
  broken: { status: 200, body: "{" },
  moved: { status: 302, headers: { location: "/elsewhere" } },
  "deep-down": { status: 200, body: `${"[".repeat(2000)}${"]".repeat(2000)}` },
};

const manifest = (name: string, more = "") => `manifest: 1
name: ${name}
title: ${name}
base_url: ${odd.url}/${name}/api
auth:
  oauth:
    type: oauth2
    grant: authorization_code
    issuer: ${odd.url}/${name}
    scopes: { required: [{ name: openid, reason: Tell people apart. }] }
    authorization: { url: ${odd.url}/${name}/authorize }
    token: { url: ${odd.url}/${name}/token }
    test: { request: { path: /me } }
    label: { template: "{{ token.claims.sub }}", fallback: nobody knows }
    unique_id: me.sub
${more}actions:
  look: { title: Look, request: { path: /me } }
`;

/** Whether the provider `rotating` has changed its keys. */
let rotated = false;
const nonces = new Map<string, string | null>();

const rightMetadata = (name: string): Claims => ({
  issuer: `${odd.url}/${name}`,
  jwks_uri: `${odd.url}/${name}/jwks`,
  userinfo_endpoint: `${odd.url}/${name}/api/me`,
  id_token_signing_alg_values_supported: ["RS256"],
});

function routesOf(name: string, kind: Kind): Record<string, (seen: Seen) => Reply> {
  const right = (): Claims => ({
    iss: `${odd.url}/${name}`,
    sub: "ada",
    aud: clientId,
    iat: now(),
    exp: now() + 300,
    nonce: nonces.get(name),
  });
  const answer = (id_token: string) => ({
    access_token: accessToken,
    token_type: "Bearer",
    expires_in: 3600,
    refresh_token: "again",
    id_token,
  });
  return {
    [`/${name}/.well-known/openid-configuration`]: () => ({ body: (kind.metadata ?? ((known) => known))(rightMetadata(name)) }),
    [`/${name}/jwks`]: () => ({ body: { keys: kind.keys?.() ?? [jwk(keys.publicKey, "first")] } }),
    [`/${name}/authorize`]: ({ query }) => {
      nonces.set(name, query.get("nonce"));
      return backTo(query.get("redirect_uri"), { code: "a-code", state: query.get("state") });
    },
    [`/${name}/token`]: (seen) => {
      const isKnown = kind.takes?.includes(seen.form.get("client_secret") ?? "") ?? true;
      if (!isKnown) return { status: 401, body: { error: "invalid_client" } };
      const again = seen.form.get("grant_type") === "refresh_token" ? kind.refreshed?.(right()) : undefined;
      const signing = kind === kinds.rotating && rotated ? { ...kinds["wrong-key"]?.signing, kid: "second" } : kind.signing;
      return { body: answer(jwt(again ?? (kind.claims ?? ((claims) => claims))(right(), seen), signing)) };
    },
    [`/${name}/further`]: ({ form }) => (kind.takes?.includes(form.get("secret") ?? "") ? { body: {} } : { status: 400 }),
    [`/${name}/par`]: () => ({ status: 400, body: { error: "invalid_request", error_description: "not <like> this" } }),
    [`/${name}/api/me`]: () => ({ body: kind.userinfo ?? { sub: "ada" } }),
  };
}

beforeAll(async () => {
  stranger = await startOddProvider({ "/jwks": () => ({ body: { keys: [jwk(keys.publicKey, "first")] } }) });
  const routes: Record<string, (seen: Seen) => Reply> = {};
  odd = await startOddProvider(routes);
  for (const [name, kind] of Object.entries(kinds)) Object.assign(routes, routesOf(name, kind));
  for (const [name, reply] of Object.entries(gone))
    Object.assign(routes, routesOf(name, { claims: (right) => ({ ...right, nonce: "forged" }) }), {
      [`/${name}/.well-known/openid-configuration`]: () => reply,
    });
  // Metadata of OAuth alone stand elsewhere (RFC 8414 §3.1).
  Object.assign(routes, routesOf("inserted", {}), {
    "/.well-known/oauth-authorization-server/inserted": () => ({ body: rightMetadata("inserted") }),
  });
  delete routes["/inserted/.well-known/openid-configuration"];
  Object.assign(routes, routesOf("typed", {}), {
    "/typed/token": ({ form }: Seen) => ({
      body: { access_token: accessToken, token_type: form.get("code") === "a-code" ? "mac" : "x" },
    }),
  });
  Object.assign(routes, routesOf("mapped", {}), {
    "/mapped/token": () => ({ body: { access_token: accessToken, token_type: "mac" } }),
  });
  Object.assign(routes, routesOf("signed", {}), {
    "/signed/.well-known/openid-configuration": () => ({ body: { ...rightMetadata("signed"), issuer: `${odd.url}/signed` } }),
  });
  const names = [...Object.keys(kinds), ...Object.keys(gone), "inserted", "typed"];
  const assertion = (audience = "") =>
    `    client: { authentication: client_secret_jwt${audience === "" ? "" : `, assertion: { audience: "${audience}" }`} }\n`;
  const withKeys = (name: string, more: string) => manifest(name, more);
  const further = `{ request: { method: POST, url: "${odd.url}/behind/further", encoding: form, body: { secret: "{{ app.client_secret }}" } } }`;
  product = await startProduct({
    connectors: {
      ...Object.fromEntries(names.map((name) => [name, manifest(name)])),
      behind: manifest("behind").replace("/token }", `/token, then: [${further}] }`),
      mapped: manifest("mapped").replace("/token }", "/token, response: { token_type: \"'Bearer'\" } }"),
      requiring: manifest("right")
        .replaceAll("name: right", "name: requiring")
        .replace("/authorize }", "/authorize, par: required }"),
      signed: withKeys("signed", assertion()),
      "signed-otherwise": withKeys("signed", assertion("{{ env.name }}-audience")).replace(
        "name: signed",
        "name: signed-otherwise",
      ),
      unreachable: manifest("right")
        .replace("name: right", "name: unreachable")
        .replace(/issuer: \S+/, `issuer: http://127.0.0.1:${await closedPort()}`),
    },
  });
  for (const name of [...names, "mapped", "requiring", "signed", "signed-otherwise", "unreachable"])
    await product.put(`/v1/connectors/${name}/apps/oauth/production`, { client_id: clientId, client_secret: clientSecret });
});
afterAll(cleanup);

/** A port that nobody listens on. */
async function closedPort(): Promise<number> {
  const { port } = await startListener("127.0.0.2");
  return port;
}

async function signIn(name: string) {
  const { id } = await draft(product, name);
  await new Browser().open(await begin(product, id));
  return look(product, id);
}

describe("An id token", () => {
  test.each(["right", "otherwise", "secret", "tenants", "inserted"])(
    "is believed and names the account where it is right (%s)",
    async (name) => {
      expect(await signIn(name)).toMatchObject({ status: "connected", label: "ada", error: null });
      expect(nonces.get(name)).toMatch(/^[\w-]{22}$/);
    },
  );

  test.each<[string, RegExp]>([
    ["wrong-nonce", /`nonce`/],
    ["no-nonce", /`nonce`/],
    ["wrong-key", /signature is wrong/],
    ["unknown-key", /no such key/],
    ["none", /algorithm/],
    ["public-key", /algorithm/],
    ["public-key-listed", /signature is wrong/],
    ["expired", /expired/],
    ["other-audience", /`aud`/],
    ["other-party", /`azp`/],
    ["other-azp", /`azp`/],
    ["other-issuer", /`iss`/],
    ["wrong-tenant", /`iss`/],
    ["future", /`iat`/],
    ["no-subject", /`sub`/],
    ["other-token", /`at_hash`/],
    ["no-keys", /no such key/],
    ["other-person", /another account/],
  ])("that is forged or is another's ends the sign-in (%s)", async (name, why) => {
    const { status, label, error } = await signIn(name);
    expect([status, label, error?.code]).toEqual(["error", null, "id_token_invalid"]);
    expect(error.message).toMatch(why);
    // Nothing was done with the token that came with it.
    if (name !== "other-person") expect(odd.at(`/${name}/api/me`)).toEqual([]);
  });

  test("whose provider changed its keys is checked with the new ones; keys that nobody has are not looked for again and again", async () => {
    expect(await signIn("rotating")).toMatchObject({ status: "connected", label: "ada" });
    expect(odd.at("/rotating/jwks")).toHaveLength(1);
    rotated = true;
    expect(await signIn("rotating")).toMatchObject({ status: "connected", label: "ada" });
    expect(odd.at("/rotating/jwks")).toHaveLength(2);

    for (let tries = 0; tries < 3; tries += 1) await signIn("unknown-key");
    expect(odd.at("/unknown-key/jwks")).toHaveLength(2);
  });

  test.each(["behind", "between"])(
    "is signed with the secret before the saved one where the provider is %s, and what follows from it is made with the one that it takes",
    async (name) => {
      await product.put(`/v1/connectors/${name}/apps/oauth/production`, { client_id: clientId, client_secret: newSecret });
      const { id, ...connection } = await signIn(name);
      expect(connection).toMatchObject({ status: "connected", label: "ada", error: null });
      expect((await product.post(`/v1/connections/${id}/refresh`)).status).toBe(200);
      const forms = odd.at(`/${name}/further`).map(({ form }) => form.get("secret"));
      expect(forms).toEqual(name === "behind" ? [clientSecret, clientSecret] : []);
      await product.put(`/v1/connectors/${name}/apps/oauth/production`, { client_id: clientId, keep_previous: false });
      const { error } = await signIn(name);
      expect(error.code).toBe(name === "behind" ? "client_refused" : "id_token_invalid");
    },
  );

  test("that comes with a refresh must be the same account's", async () => {
    const { id } = await signIn("same-subject");
    expect((await product.post(`/v1/connections/${id}/refresh`)).status).toBe(200);
    const changed = await signIn("changed-subject");
    const answer = await product.post(`/v1/connections/${changed.id}/refresh`);
    expect([answer.status, answer.json.code]).toEqual([502, "id_token_invalid"]);
    expect(answer.json.detail).toMatch(/`sub`/);
    // What there was before goes on being used.
    expect((await step(product, changed.id, "look")).status).toBe(200);
  });
});

describe("Metadata", () => {
  test.each([...Object.keys(gone), "liar", "foreign-keys", "unreachable"])(
    "that cannot be had or are another's (%s) change nothing: the sign-in works, and nobody's claims are believed",
    async (name) => {
      expect(await signIn(name)).toMatchObject({ status: "connected", label: "nobody knows", error: null });
      expect(stranger.seen).toEqual([]);
    },
  );

  test("that lead to another host get no secret sent there", async () => {
    const { status } = await signIn("foreign-push");
    expect(status).toBe("connected");
    expect(stranger.seen).toEqual([]);
  });

  test("that say that requests must be pushed leave no other way", async () => {
    const { status, error } = await signIn("must-push");
    expect([status, error.code, error.provider.error]).toEqual(["error", "authorization_failed", "invalid_request"]);
    expect(odd.at("/must-push/authorize")).toEqual([]);
  });

  test("that lack what the manifest requires end the sign-in before it begins", async () => {
    const { id } = await draft(product, "requiring");
    const { status, json } = await product.post(`/v1/connections/${id}/authorize`);
    expect([status, json.code]).toEqual([502, "metadata_lacking"]);
  });

  test("are asked for once, however many sign in", async () => {
    await Promise.all(Array.from({ length: 5 }, () => signIn("right")));
    expect(odd.at("/right/.well-known/openid-configuration")).toHaveLength(1);
  });
});

test("A token of a type that cannot be sent is refused, unless the manifest says what it is", async () => {
  const { status, error } = await signIn("typed");
  expect([status, error.code]).toEqual(["error", "token_type_unsupported"]);
  expect(error.message).toContain('"mac"');
  expect((await signIn("mapped")).status).toBe("connected");
});

test("An assertion of the client is made for the issuer, unless the manifest names another audience", async () => {
  const audience = async (name: string) => {
    await signIn(name);
    const assertion = odd.at("/signed/token").at(-1)?.form.get("client_assertion") ?? "";
    return JSON.parse(Buffer.from(assertion.split(".")[1] ?? "", "base64url").toString()).aud;
  };
  expect(await audience("signed")).toBe(`${odd.url}/signed`);
  expect(await audience("signed-otherwise")).toBe("production-audience");
});
