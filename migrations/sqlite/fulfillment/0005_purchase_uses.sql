-- How often a purchase with a limit has been downloaded. Purchases without a limit have no row.
CREATE TABLE purchase_uses (
    purchase  BLOB    NOT NULL PRIMARY KEY, -- SHA-256 of its parts, each after its length
    center    TEXT    NOT NULL,
    used      INTEGER NOT NULL CHECK (used > 0),
    resumable INTEGER NOT NULL CHECK (resumable >= 0), -- bytes that the uses so far still pay for
    used_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
