-- Secure repositories that are ordered here and made by workers that may run elsewhere.

-- What an admitted activation waits for. A worker needs this table and the next one, and no other:
-- everything it makes a repository of stands here, encrypted, until it has been made. The row goes
-- when the activation has its package.
CREATE TABLE repository_orders (
    activation  BLOB    NOT NULL PRIMARY KEY REFERENCES activations (id) ON DELETE CASCADE,
    digest      BLOB    NOT NULL, -- keyed hash of what was ordered: the same order is placed once
    persona     BLOB    NOT NULL, -- encrypted persona id
    machine     BLOB    NOT NULL,
    facts       BLOB    NOT NULL, -- encrypted
    roots       BLOB    NOT NULL, -- SHA-256 of each root, one after the other
    private_key BLOB, -- encrypted; gone when the repository was delivered
    placed_at   INTEGER NOT NULL,
    kept_until  INTEGER NOT NULL,
    attempts    INTEGER NOT NULL CHECK (attempts >= 0), -- times it was claimed
    worker      BLOB, -- who claimed it last
    claim       BLOB, -- what that one delivers with
    lease_until INTEGER NOT NULL, -- nobody else claims it before
    problem     TEXT, -- what came of the last attempt
    made_at     INTEGER,
    module      BLOB, -- encrypted
    sealed_key  BLOB, -- encrypted
    CHECK ((made_at IS NULL) = (module IS NULL)),
    CHECK ((made_at IS NULL) = (sealed_key IS NULL)),
    CHECK ((made_at IS NULL) = (private_key IS NOT NULL))
) STRICT;

CREATE INDEX repository_orders_unmade ON repository_orders (placed_at, activation)
    WHERE made_at IS NULL;

-- Workers that have said lately that they are at work.
CREATE TABLE repository_workers (
    worker        BLOB    NOT NULL PRIMARY KEY,
    present_until INTEGER NOT NULL
) STRICT;
