-- The event log: one row for each named event of a host, by the way that downloads take.

CREATE TABLE server_events (
    event    BYTEA  NOT NULL PRIMARY KEY,
    node     BYTEA  NOT NULL,
    sequence BIGINT NOT NULL, -- in the node's outbox, which downloads share
    at       BIGINT NOT NULL, -- when it happened
    code     TEXT   COLLATE "C" NOT NULL, -- the published number
    name     TEXT   COLLATE "C" NOT NULL, -- the published name
    severity TEXT   COLLATE "C" NOT NULL CHECK (severity IN ('info', 'warning', 'error')),
    center   TEXT   COLLATE "C", -- the center it concerns, where it concerns one alone
    details  BYTEA  NOT NULL -- encrypted: message, names and values
);

CREATE INDEX server_events_by_time ON server_events (at, event);
CREATE INDEX server_events_by_code ON server_events (code, at, event);
CREATE INDEX server_events_by_node ON server_events (node, sequence);
