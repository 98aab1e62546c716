-- The event log: one row for each named event of a host, by the way that downloads take.

CREATE TABLE server_events (
    event    BLOB    NOT NULL PRIMARY KEY,
    node     BLOB    NOT NULL,
    sequence INTEGER NOT NULL, -- in the node's outbox, which downloads share
    at       INTEGER NOT NULL, -- when it happened
    code     TEXT    NOT NULL, -- the published number
    name     TEXT    NOT NULL, -- the published name
    severity TEXT    NOT NULL CHECK (severity IN ('info', 'warning', 'error')),
    center   TEXT, -- the center it concerns, where it concerns one alone
    details  BLOB    NOT NULL -- encrypted: message, names and values
) STRICT;

CREATE INDEX server_events_by_time ON server_events (at, event);
CREATE INDEX server_events_by_code ON server_events (code, at, event);
CREATE INDEX server_events_by_node ON server_events (node, sequence);
