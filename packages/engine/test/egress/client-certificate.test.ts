import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import { createEgress, type Egress, type EgressRequest } from "../../src/egress/egress.ts";
import { certificate, certificateKey } from "./certificate.ts";
import { errorOf } from "./listener.ts";

let egress: Egress;
let close: () => Promise<void>;
let port: number;
let redirectTo = "";

beforeAll(async () => {
  // Tells who came, and lets everybody in.
  const server = createServer(
    { cert: certificate, key: certificateKey, ca: certificate, requestCert: true, rejectUnauthorized: false },
    (request, response) => {
      if (request.url === "/away") return response.writeHead(302, { location: redirectTo }).end();
      const socket = request.socket as TLSSocket;
      return response.end(
        JSON.stringify({ authorized: socket.authorized, name: socket.getPeerCertificate().subject?.CN ?? null }),
      );
    },
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  port = (server.address() as AddressInfo).port;
  redirectTo = `https://other.example:${port}/`;
  close = () => new Promise((resolve) => server.close(() => resolve()));
  egress = createEgress(
    { allowPrivate: ["127.0.0.0/8"] },
    { ca: certificate, resolve: async () => [{ address: "127.0.0.1", family: 4 }] },
  );
});

afterAll(async () => {
  await egress.close();
  await close();
});

const ask = async (over: Partial<EgressRequest> = {}) => {
  const request = {
    method: "GET",
    url: `https://api.example:${port}/`,
    headers: {},
    timeout: 5000,
    maxBytes: 10_000,
    redirects: "none",
  } as const;
  return JSON.parse((await egress.send({ ...request, ...over })).body.toString());
};

test("A certificate is presented to the server that is called, and only by the requests that bring it", async () => {
  const mine = { cert: certificate, key: certificateKey };
  expect(await ask()).toEqual({ authorized: false, name: null });
  expect(await ask({ certificate: mine })).toEqual({ authorized: true, name: "Jackfield tests" });
  expect(await ask()).toEqual({ authorized: false, name: null });
});

test("It is not presented where the request is redirected to", async () => {
  const answer = await ask({
    url: `https://api.example:${port}/away`,
    certificate: { cert: certificate, key: certificateKey },
    redirects: { limit: 1, allowed: () => true, secretHeaders: [] },
  });
  expect(answer).toEqual({ authorized: false, name: null });
});

test.each([
  ["no certificate", { cert: "nothing", key: certificateKey }],
  ["no key", { cert: certificate, key: "nothing" }],
])("What is %s is refused before a connection is made", async (_, wrong) => {
  const error = await errorOf(ask({ certificate: wrong }));
  expect(error.code).toBe("certificate_invalid");
  expect(JSON.stringify(error)).not.toContain("BEGIN");
});
