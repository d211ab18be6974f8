import { clientAuthentications } from "../src/grant/client-authentication.ts";

const client = { client_id: "my:client id", client_secret: "p@ss:word!" };

test("Basic form-encodes ID and secret before joining them (RFC 6749 §2.3.1)", () => {
  expect(clientAuthentications.client_secret_basic(client)).toEqual({
    params: [],
    headers: { authorization: "Basic bXklM0FjbGllbnQraWQ6cCU0MHNzJTNBd29yZCUyMQ==" },
  });
});

test("Raw Basic joins them as they are", () => {
  const { headers } = clientAuthentications.client_secret_basic_raw(client);
  expect(Buffer.from((headers.authorization ?? "").slice(6), "base64").toString()).toBe("my:client id:p@ss:word!");
});

test("Post puts both into the body and nothing into a header", () => {
  expect(clientAuthentications.client_secret_post(client)).toEqual({
    params: [
      ["client_id", "my:client id"],
      ["client_secret", "p@ss:word!"],
    ],
    headers: {},
  });
});

test("A public client sends its ID and never a secret, even when one is saved", () => {
  expect(clientAuthentications.none(client)).toEqual({ params: [["client_id", "my:client id"]], headers: {} });
});
