-- Hosts as their center knows them. Each process says again and again that it is there; every moment
-- in here is this database's own, so that no clock of a host's counts.

CREATE VIEW database_clock AS
SELECT CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) AS now_ms;

-- One row for each process: a node has more than one only while a host takes over from another, or
-- where a copy runs under its identity.
CREATE TABLE nodes (
    node            BLOB    NOT NULL, -- the identity in its own database
    run             BLOB    NOT NULL, -- the process, from its start to its end
    place           TEXT    NOT NULL, -- where that database is: a host that takes over is at the same place, a copy is not
    name            TEXT    NOT NULL,
    roles           TEXT    NOT NULL, -- with commas between them
    version         TEXT    NOT NULL, -- of the program
    address         TEXT, -- where it listens
    state           TEXT    NOT NULL CHECK (state IN ('serving', 'draining', 'gone')),
    started_at      INTEGER NOT NULL,
    seen_at         INTEGER NOT NULL,
    silent_after_ms INTEGER NOT NULL, -- without news for so long, it is not there any more
    epoch           INTEGER, -- the history of changes that it follows
    applied         INTEGER, -- the last of them that it has followed
    lease_left_ms   INTEGER NOT NULL, -- how long it could go on without news of changes
    rows_waiting    INTEGER NOT NULL, -- log rows in its outbox
    clock_ahead_ms  INTEGER, -- how far its own clock was ahead of this database's
    PRIMARY KEY (node, run)
) STRICT, WITHOUT ROWID;
