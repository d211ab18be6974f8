/**
 * What brings the store from one version to the next; the file's `user_version` is how many have been run. A migration that was
 * released is never changed. Records are JSON in `doc`; beside it stand the columns that are searched or unique.
 */
export const migrations: readonly string[] = [
  `
  CREATE TABLE connections (
    id TEXT PRIMARY KEY,
    identity TEXT NOT NULL UNIQUE,
    workspace TEXT NOT NULL,
    owner TEXT NOT NULL,
    connector TEXT NOT NULL,
    environment TEXT NOT NULL,
    status TEXT NOT NULL,
    alias_of TEXT,
    -- Lower-case name, label, description and unique id: SQLite itself folds ASCII only.
    search TEXT NOT NULL,
    refresh_at TEXT,
    created_at TEXT NOT NULL,
    doc TEXT NOT NULL
  ) STRICT;
  CREATE INDEX connections_newest ON connections (workspace, created_at DESC, id DESC);
  CREATE INDEX connections_by_connector ON connections (workspace, connector);
  CREATE INDEX connections_due ON connections (refresh_at) WHERE refresh_at IS NOT NULL;
  CREATE INDEX connections_aliases ON connections (alias_of) WHERE alias_of IS NOT NULL;

  CREATE TABLE events (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    connection TEXT NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    at TEXT NOT NULL,
    doc TEXT NOT NULL
  ) STRICT;
  CREATE INDEX events_newest ON events (connection, at DESC, seq DESC);
  CREATE INDEX events_by_age ON events (at);

  CREATE TABLE apps (
    workspace TEXT NOT NULL,
    connector TEXT NOT NULL,
    auth TEXT NOT NULL,
    environment TEXT NOT NULL,
    doc TEXT NOT NULL,
    PRIMARY KEY (workspace, connector, auth, environment)
  ) STRICT;

  CREATE TABLE flows (
    id TEXT PRIMARY KEY,
    state_hash TEXT NOT NULL UNIQUE,
    browser_hash TEXT,
    expires_at TEXT NOT NULL,
    doc TEXT NOT NULL
  ) STRICT;
  CREATE INDEX flows_by_age ON flows (expires_at);

  CREATE TABLE leases (key TEXT PRIMARY KEY, owner TEXT NOT NULL, until INTEGER NOT NULL) STRICT;

  CREATE TABLE manifests (name TEXT PRIMARY KEY, text TEXT NOT NULL, at TEXT NOT NULL) STRICT;

  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;

  CREATE TABLE workspaces (id TEXT PRIMARY KEY, created_at TEXT NOT NULL) STRICT;

  CREATE TABLE api_keys (
    id TEXT PRIMARY KEY,
    hash TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL,
    workspace TEXT NOT NULL REFERENCES workspaces (id),
    owner TEXT NOT NULL,
    name TEXT NOT NULL,
    origin TEXT NOT NULL,
    created_at TEXT NOT NULL,
    last_used_at TEXT,
    revoked_at TEXT
  ) STRICT;

  CREATE TABLE sessions (
    hash TEXT PRIMARY KEY,
    key TEXT NOT NULL REFERENCES api_keys (id) ON DELETE CASCADE,
    expires_at TEXT NOT NULL
  ) STRICT;

  CREATE TABLE sign_in_links (
    hash TEXT PRIMARY KEY,
    key TEXT NOT NULL REFERENCES api_keys (id) ON DELETE CASCADE,
    expires_at TEXT NOT NULL
  ) STRICT;
  `,
  `
  ALTER TABLE connections ADD COLUMN test_at TEXT;
  ALTER TABLE connections ADD COLUMN remind_at TEXT;
  ALTER TABLE connections ADD COLUMN revoke_at TEXT;
  ALTER TABLE connections ADD COLUMN active_at TEXT;
  -- When they were used is not known; that they are not idle is, until they are seen to be.
  UPDATE connections SET active_at = doc ->> 'updated_at', doc = json_set(doc, '$.last_used_at', doc ->> 'updated_at');
  CREATE INDEX connections_test_due ON connections (test_at) WHERE test_at IS NOT NULL;
  CREATE INDEX connections_remind_due ON connections (remind_at) WHERE remind_at IS NOT NULL;
  CREATE INDEX connections_revoke_due ON connections (revoke_at) WHERE revoke_at IS NOT NULL;
  CREATE INDEX connections_by_activity ON connections (active_at);
  `,
  `
  -- The version by whose definition something will still be sent: none of an alias and of what is disconnected for good.
  ALTER TABLE connections ADD COLUMN auth_version TEXT;
  CREATE INDEX connections_by_auth_version ON connections (auth_version) WHERE auth_version IS NOT NULL;

  CREATE TABLE auth_versions (version TEXT PRIMARY KEY, definition TEXT NOT NULL, at TEXT NOT NULL) STRICT;
  `,
  `
  ALTER TABLE connections ADD COLUMN made_in TEXT;
  CREATE INDEX connections_made_in ON connections (made_in) WHERE made_in IS NOT NULL;

  CREATE TABLE connect_sessions (
    id TEXT PRIMARY KEY,
    token_hash TEXT NOT NULL UNIQUE,
    -- The cookie of the browser that opened the link first.
    cookie_hash TEXT,
    key TEXT NOT NULL REFERENCES api_keys (id) ON DELETE CASCADE,
    workspace TEXT NOT NULL,
    owner TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    ended_at TEXT,
    doc TEXT NOT NULL
  ) STRICT;
  CREATE INDEX connect_sessions_by_age ON connect_sessions (expires_at);
  `,
  `
  -- Flows that are polled: whose, and when next.
  ALTER TABLE flows ADD COLUMN connection TEXT;
  ALTER TABLE flows ADD COLUMN poll_at TEXT;
  CREATE INDEX flows_due ON flows (poll_at) WHERE poll_at IS NOT NULL;
  CREATE INDEX flows_polled ON flows (connection) WHERE poll_at IS NOT NULL;
  `,
  `
  -- Events of the workspace: they may belong to no connection, and are found by more than their connection.
  CREATE TABLE events_of_workspace (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    workspace TEXT NOT NULL,
    connection TEXT REFERENCES connections (id) ON DELETE CASCADE,
    connector TEXT,
    owner TEXT,
    type TEXT NOT NULL,
    at TEXT NOT NULL,
    doc TEXT NOT NULL
  ) STRICT;
  INSERT INTO events_of_workspace (seq, id, workspace, connection, connector, owner, type, at, doc)
    SELECT events.seq, events.id, c.workspace, c.id, c.connector, c.owner, json_extract(events.doc, '$.type'), events.at,
      json_set(events.doc, '$.connector', c.connector, '$.owner', c.owner)
    FROM events JOIN connections AS c ON c.id = events.connection;
  DROP TABLE events;
  ALTER TABLE events_of_workspace RENAME TO events;
  CREATE INDEX events_newest ON events (connection, at DESC, seq DESC);
  CREATE INDEX events_of_all ON events (workspace, at DESC, seq DESC);
  CREATE INDEX events_by_type ON events (workspace, type, at DESC, seq DESC);
  CREATE INDEX events_by_age ON events (at);

  CREATE TABLE outbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    event TEXT NOT NULL UNIQUE,
    doc TEXT NOT NULL
  ) STRICT;

  CREATE TABLE event_endpoints (
    id TEXT PRIMARY KEY,
    workspace TEXT NOT NULL,
    created_at TEXT NOT NULL,
    doc TEXT NOT NULL
  ) STRICT;
  CREATE INDEX event_endpoints_oldest ON event_endpoints (workspace, created_at, id);

  CREATE TABLE deliveries (
    id TEXT PRIMARY KEY,
    endpoint TEXT NOT NULL REFERENCES event_endpoints (id) ON DELETE CASCADE,
    attempts INTEGER NOT NULL,
    next_at TEXT,
    created_at TEXT NOT NULL,
    doc TEXT NOT NULL
  ) STRICT;
  CREATE INDEX deliveries_newest ON deliveries (endpoint, created_at DESC, id DESC);
  CREATE INDEX deliveries_due ON deliveries (next_at) WHERE next_at IS NOT NULL;
  CREATE INDEX deliveries_pending ON deliveries (endpoint, next_at) WHERE next_at IS NOT NULL;
  CREATE INDEX deliveries_by_age ON deliveries (created_at);

  CREATE TABLE usage (
    connection TEXT NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    workflow TEXT NOT NULL,
    last_used_at TEXT NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (connection, workflow)
  ) STRICT;
  CREATE INDEX usage_by_age ON usage (last_used_at);
  `,
  `
  -- Connections remember the client that they were made with. Until now that was the app's, unless they brought their own.
  ALTER TABLE connections ADD COLUMN client_id TEXT;
  UPDATE connections SET client_id = (
    SELECT apps.doc ->> 'client_id' FROM apps
    WHERE apps.workspace = connections.workspace AND apps.connector = connections.connector
      AND apps.auth = connections.doc ->> 'auth' AND apps.environment = connections.environment
  ) WHERE doc ->> 'sealed_credential' IS NOT NULL AND doc ->> '$.fields.client_id' IS NULL;
  UPDATE connections SET doc = json_set(doc, '$.client_id', client_id);
  CREATE INDEX connections_by_client ON connections (workspace, connector, client_id) WHERE client_id IS NOT NULL;

  ALTER TABLE apps ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
  ALTER TABLE apps ADD COLUMN tend_at TEXT;
  UPDATE apps SET doc = json_set(doc, '$.version', 1, '$.fields', json(coalesce(doc -> 'fields', '{}')), '$.former', json('[]'),
    '$.sealed_previous', NULL, '$.previous_secret_until', NULL, '$.previous_secret_used', json('false'), '$.pause', NULL,
    '$.refused_alone', NULL, '$.expires_on', NULL, '$.expiry_told', NULL, '$.tend_at', NULL);
  CREATE INDEX apps_due ON apps (tend_at) WHERE tend_at IS NOT NULL;

  -- Events of an app name it.
  ALTER TABLE events ADD COLUMN auth TEXT;
  ALTER TABLE events ADD COLUMN environment TEXT;
  CREATE INDEX events_of_app ON events (workspace, connector, auth, environment, at DESC, seq DESC) WHERE auth IS NOT NULL;
  `,
  `
  -- What is counted by state, so that nothing else is read for it.
  CREATE INDEX connections_by_state ON connections (status) WHERE alias_of IS NULL AND status <> 'revoked';
  `,
  `
  -- They are in the memory of the process that has the store.
  DROP TABLE leases;
  `,
  `
  -- What steps answered, for callers that repeat them.
  CREATE TABLE kept_steps (
    id TEXT PRIMARY KEY,
    connection TEXT NOT NULL REFERENCES connections (id) ON DELETE CASCADE,
    -- The step that was run: only its own end counts.
    step TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    doc TEXT NOT NULL
  ) STRICT;
  CREATE INDEX kept_steps_of ON kept_steps (connection);
  CREATE INDEX kept_steps_by_age ON kept_steps (expires_at);

  -- Files that steps are given by their ids.
  CREATE TABLE files (
    id TEXT PRIMARY KEY,
    workspace TEXT NOT NULL,
    size INTEGER NOT NULL,
    expires_at TEXT NOT NULL,
    doc TEXT NOT NULL
  ) STRICT;
  CREATE INDEX files_of ON files (workspace, size);
  CREATE INDEX files_by_age ON files (expires_at);
  CREATE TABLE file_chunks (id TEXT PRIMARY KEY, file TEXT NOT NULL, expires_at TEXT NOT NULL, doc TEXT NOT NULL) STRICT;
  CREATE INDEX file_chunks_of ON file_chunks (file);
  CREATE INDEX file_chunks_by_age ON file_chunks (expires_at);
  `,
];
