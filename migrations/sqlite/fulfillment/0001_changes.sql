-- The order of changes. Triggers on every table that a host may cache write into it, in the
-- transaction of the change itself, so that no program that changes a record can forget to.

-- There is one writer at a time, so numbers follow the order of commits.
CREATE TABLE change_log (
    number      INTEGER PRIMARY KEY AUTOINCREMENT,
    center      TEXT    NOT NULL,
    record      TEXT    NOT NULL CHECK (record IN ('title', 'retailer', 'center', 'content-key')),
    key         TEXT    NOT NULL,
    row_version INTEGER NOT NULL,
    at          INTEGER NOT NULL
        DEFAULT (CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER))
) STRICT;

CREATE INDEX change_log_at ON change_log (at);

-- The epoch names this history. It changes when the database is restored.
CREATE TABLE change_state (
    one            INTEGER PRIMARY KEY CHECK (one = 1),
    epoch          INTEGER NOT NULL,
    pruned_through INTEGER NOT NULL DEFAULT 0
) STRICT;

INSERT INTO change_state (one, epoch) VALUES (1, random());

-- What readers may pass over for good: here, every row they can see.
CREATE VIEW settled_changes AS
SELECT number, center, record, key, row_version, at FROM change_log;

CREATE VIEW change_position AS
SELECT epoch,
       pruned_through + 1 AS oldest,
       COALESCE((SELECT MAX(number) FROM change_log), pruned_through) AS newest,
       0 AS unsettled,
       1 AS dense
FROM change_state;
