import { createMetadata, isIssuer } from "../src/grant/metadata.ts";

const issuer = "https://login.acme.example/v2";
const wellKnown = "https://login.acme.example/v2/.well-known/openid-configuration";
const inserted = "https://login.acme.example/.well-known/oauth-authorization-server/v2";

/** A network on which the test says what is answered, and a clock that only the test moves. */
function world() {
  const asked: string[] = [];
  const answers: Record<string, unknown> = {};
  const time = { now: 0 };
  const send = async ({ url }: { url: string }) => {
    asked.push(url);
    const body = answers[url];
    if (body instanceof Error) throw body;
    return {
      status: body === undefined ? 404 : 200,
      headers: {},
      url,
      sentAt: time.now,
      body: Buffer.from(JSON.stringify(body ?? {})),
      duration_ms: 0,
    };
  };
  const metadata = createMetadata({ egress: { send }, clock: () => time.now, log: () => {} });
  return { asked, answers, time, metadata };
}

const minute = 60_000;

test.each<[string, string, boolean]>([
  [issuer, issuer, true],
  [`${issuer}/`, issuer, false],
  ["https://LOGIN.acme.example/v2", issuer, false],
  ["https://login.acme.example/{tenantid}/v2.0", "https://login.acme.example/common/v2.0", true],
  ["https://login.acme.example/{tenantid}/v2.0", "https://login.acme.example/0b1e-42/v2.0", true],
  ["https://login.acme.example/{tenantid}/v2.0", "https://login.acme.example/a/b/v2.0", false],
  ["https://login.acme.example/{tenantid}/v2.0", "https://login.acme.example//v2.0", false],
  ["https://login.acme.example/{tenantid}/v2.0", "https://login.acme.example/../v2.0", false],
  ["https://login.acme.example/{tenantid}/v2.0", "https://login.acme.example/a%2Fb/v2.0", false],
  ["https://login.acme.example/{tenantid}/v2.0", "https://evil.example/common/v2.0", false],
  ["https://login.acme.example/{tenantid}/v2.0", "https://login.acme.example/v2.0", false],
  ["https://{tenantid}.acme.example/", "https://login.acme.example/", false],
  ["https://login.{tenantid}/v2.0", "https://login.acme.example/v2.0", false],
  ["https://login.acme.example/{a}/{b}", "https://login.acme.example/x/y", false],
  ["https://login.acme.example/x{tenantid}", "https://login.acme.example/xy", false],
])("Metadata that write %s are those of %s: %s", (written, asked, fits) => {
  expect(isIssuer(written, asked)).toBe(fits);
});

test("Metadata are looked for in both places, and count only where they are the issuer's own", async () => {
  const { asked, answers, metadata } = world();
  answers[wellKnown] = { issuer: "https://login.acme.example" };
  answers[inserted] = { issuer, dpop_signing_alg_values_supported: ["ES256"] };
  expect(await metadata.find(issuer)).toEqual(answers[inserted]);
  expect(asked).toEqual([wellKnown, inserted]);
});

test("Metadata are asked for once in an hour, and once in a minute where nobody answers", async () => {
  const { asked, answers, time, metadata } = world();
  answers[wellKnown] = new Error("no route");
  expect(await Promise.all([metadata.find(issuer), metadata.find(issuer)])).toEqual([undefined, undefined]);
  time.now += minute - 1;
  await metadata.find(issuer);
  expect(asked).toHaveLength(1);

  time.now += 1;
  answers[wellKnown] = { issuer };
  expect(await metadata.find(issuer)).toEqual({ issuer });
  time.now += 60 * minute - 1;
  await metadata.find(issuer);
  expect(asked).toHaveLength(2);
});

test("Metadata that were known go on being used when nobody answers any more: an attacker cannot take them away", async () => {
  const { answers, time, metadata } = world();
  answers[wellKnown] = { issuer, authorization_response_iss_parameter_supported: true };
  await metadata.find(issuer);
  time.now += 61 * minute;
  answers[wellKnown] = new Error("no route");
  expect(await metadata.find(issuer)).toMatchObject({ authorization_response_iss_parameter_supported: true });
  // One that answers without metadata has none.
  time.now += 2 * minute;
  delete answers[wellKnown];
  expect(await metadata.find(issuer)).toBeUndefined();
});

test("Keys are fetched anew for one that is not among them, once in a minute", async () => {
  const { asked, answers, time, metadata } = world();
  const url = "https://login.acme.example/keys";
  const has = (kid: string) => (set: { keys: { kid?: string }[] }) => set.keys.some((key) => key.kid === kid);
  answers[url] = { keys: [{ kid: "a" }] };
  await metadata.keys(url, has("a"));
  answers[url] = { keys: [{ kid: "b" }] };
  const found = await Promise.all([metadata.keys(url, has("b")), metadata.keys(url, has("b"))]);
  expect(found).toEqual([answers[url], answers[url]]);
  expect(asked).toHaveLength(2);
  await metadata.keys(url, has("c"));
  expect(asked).toHaveLength(2);
  time.now += minute;
  await metadata.keys(url, has("c"));
  expect(asked).toHaveLength(3);
});
