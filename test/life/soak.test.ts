import type { Egress, EgressRequest } from "@jackfield/engine";
import { cleanup } from "../harness/cleanup.ts";
import { createWorld, day } from "./world.ts";

jest.setTimeout(600_000);
afterAll(cleanup);

const people = 40;
const days = 30;

/** A provider whose tokens live an hour and whose refresh tokens work once; a second use ends the account's access. */
function strictProvider(clock: () => number) {
  const current = new Map<string, { refresh: string; access: string; count: number }>();
  const reused: string[] = [];
  const issue = (id: string) => {
    const count = (current.get(id)?.count ?? 0) + 1;
    current.set(id, { refresh: `${id}:r${count}`, access: `${id}:a${count}`, count });
    return { access_token: `${id}:a${count}`, refresh_token: `${id}:r${count}`, expires_in: 3600 };
  };
  const answer = (request: EgressRequest): [number, unknown] => {
    if (request.url.endsWith("/me"))
      return [
        200,
        {
          id: String(request.headers.authorization ?? "")
            .slice(7)
            .split(":")[0],
        },
      ];
    const form = new URLSearchParams(String(request.body ?? ""));
    const given = form.get("refresh_token");
    if (given === null) return [200, issue(form.get("code") ?? "")];
    const id = given.split(":")[0] ?? "";
    if (current.get(id)?.refresh === given) return [200, issue(id)];
    reused.push(given);
    return [400, { error: "invalid_grant" }];
  };
  const send = async (request: EgressRequest) => {
    const [status, body] = answer(request);
    const headers = { "content-type": "application/json" };
    return { status, headers, url: request.url, sentAt: clock(), body: Buffer.from(JSON.stringify(body)), duration_ms: 1 };
  };
  return { egress: { send, close: async () => {} } as unknown as Egress, reused, current };
}

const manifest = `manifest: 1
name: acme
title: Acme
base_url: https://acme.example
auth:
  oauth:
    type: oauth2
    grant: authorization_code
    client: { source: connection, authentication: none }
    fields: [{ name: client_id, label: ID, default: app }]
    authorization: { url: https://acme.example/authorize }
    token: { url: https://acme.example/token }
    test: { request: { path: /me } }
    label: "{{ me.id }}"
    unique_id: me.id
`;

test("thirty days of tokens that live an hour cost none of forty connections, and no refresh token is used twice", async () => {
  let now = () => Date.UTC(2027, 0, 1);
  const provider = strictProvider(() => now());
  const world = await createWorld({ manifests: [manifest], egress: provider.egress, sweepEvery: day / 8 });
  now = () => world.now;
  const ids = [];
  for (let n = 0; n < people; n++) ids.push(await world.signIn("acme", `account${n}`, `person-${n}`));
  await world.pass((days / 2) * day);
  await world.restart();
  await world.pass((days / 2) * day);
  for (const id of ids) expect((await world.store.connections.get(id))?.status).toBe("connected");
  expect(provider.reused).toEqual([]);
  // An hour less the leeway of a fifth, and its jitter.
  const refreshes = [...provider.current.values()].map(({ count }) => count - 1);
  expect(Math.min(...refreshes)).toBeGreaterThanOrEqual((days * 24) / 1);
  expect(Math.max(...refreshes)).toBeLessThanOrEqual((days * 24) / 0.75);
});
