import type { Connection, ConnectionEvent } from "../src/api.ts";
import { outcomeOfEvent, outcomeOfState } from "../src/sign-in-outcome.ts";

const connection = (rest: Partial<Connection> = {}): Connection => ({
  id: "con_1",
  connector: "example",
  auth: "oauth",
  environment: "production",
  owner: "ada",
  name: null,
  description: null,
  label: null,
  status: "awaiting_authorization",
  unique_id: null,
  fields: {},
  auth_version: null,
  upgrade_available: false,
  scopes: [],
  missing_scopes: [],
  renewable: false,
  expires_at: null,
  last_test: null,
  error: null,
  created_at: "2026-01-01T00:00:00Z",
  updated_at: "2026-01-01T00:00:00Z",
  ...rest,
});
const event = (type: string, rest: Partial<ConnectionEvent> = {}): ConnectionEvent => ({
  id: "1",
  at: "2026-01-01T00:00:00Z",
  type,
  actor: "key/1",
  ...rest,
});
const refused = { code: "access_denied", message: "You did not give access.", hint: "", at: "2026-01-01T00:01:00Z" };

describe("an event of the log", () => {
  test("that the account is connected, also as another connection, ends the sign-in well", () => {
    expect(outcomeOfEvent(event("authorized"), connection())?.kind).toBe("connected");
    expect(outcomeOfEvent(event("merged"), connection({ id: "con_0" }))).toMatchObject({ connection: { id: "con_0" } });
  });

  test("of a workflow's step that failed says nothing about the sign-in", () => {
    expect(outcomeOfEvent(event("failed", { action: "list" }), connection())).toBeUndefined();
    expect(outcomeOfEvent(event("failed"), connection())?.kind).toBe("failed");
  });
});

describe("a state that was read after the line had broken", () => {
  test("tells that a draft is connected", () => {
    expect(outcomeOfState(connection(), connection({ status: "connected" }))?.kind).toBe("connected");
  });

  test("tells nothing when the connection was connected before", () => {
    const connected = connection({ status: "connected" });
    expect(outcomeOfState(connected, connected)).toBeUndefined();
  });

  test("tells of an error that is new, and not of the one before", () => {
    expect(outcomeOfState(connection(), connection({ status: "draft", error: refused }))?.kind).toBe("denied");
    expect(outcomeOfState(connection({ error: refused }), connection({ error: refused }))).toBeUndefined();
  });
});
