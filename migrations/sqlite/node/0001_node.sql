-- A host process's own database: who it is, what it has yet to hand to the logging database, and
-- what it holds a lease on.

CREATE TABLE node (
    one        INTEGER PRIMARY KEY CHECK (one = 1),
    id         BLOB    NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

INSERT INTO node (one, id, created_at)
VALUES (1, randomblob(16), CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER));

-- AUTOINCREMENT: a number is never given twice, even when the table has been emptied.
CREATE TABLE outbox (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    event    BLOB    NOT NULL,
    payload  BLOB    NOT NULL -- encrypted
) STRICT;

CREATE TABLE dead_letters (
    sequence INTEGER PRIMARY KEY,
    event    BLOB    NOT NULL,
    payload  BLOB    NOT NULL,
    problem  TEXT    NOT NULL,
    at       INTEGER NOT NULL
        DEFAULT (CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER))
) STRICT;

CREATE TABLE leases (
    name        TEXT    NOT NULL PRIMARY KEY,
    holder      BLOB    NOT NULL,
    lease_until INTEGER NOT NULL
) STRICT;
