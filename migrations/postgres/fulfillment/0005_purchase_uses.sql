-- How often a purchase with a limit has been downloaded. Purchases without a limit have no row.
CREATE TABLE purchase_uses (
    purchase  BYTEA   NOT NULL PRIMARY KEY, -- SHA-256 of its parts, each after its length
    center    TEXT    COLLATE "C" NOT NULL,
    used      BIGINT  NOT NULL CHECK (used > 0),
    resumable BIGINT  NOT NULL CHECK (resumable >= 0), -- bytes that the uses so far still pay for
    used_at   BIGINT  NOT NULL
);
