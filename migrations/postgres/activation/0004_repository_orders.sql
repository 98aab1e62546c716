-- Secure repositories that are ordered here and made by workers that may run elsewhere.

-- What an admitted activation waits for. A worker needs this table and the next one, and no other:
-- everything it makes a repository of stands here, encrypted, until it has been made. The row goes
-- when the activation has its package.
CREATE TABLE repository_orders (
    activation  BYTEA   NOT NULL PRIMARY KEY REFERENCES activations (id) ON DELETE CASCADE,
    digest      BYTEA   NOT NULL, -- keyed hash of what was ordered: the same order is placed once
    persona     BYTEA   NOT NULL, -- encrypted persona id
    machine     BYTEA   NOT NULL,
    facts       BYTEA   NOT NULL, -- encrypted
    roots       BYTEA   NOT NULL, -- SHA-256 of each root, one after the other
    private_key BYTEA, -- encrypted; gone when the repository was delivered
    placed_at   BIGINT  NOT NULL,
    kept_until  BIGINT  NOT NULL,
    attempts    BIGINT  NOT NULL CHECK (attempts >= 0), -- times it was claimed
    worker      BYTEA, -- who claimed it last
    claim       BYTEA, -- what that one delivers with
    lease_until BIGINT  NOT NULL, -- nobody else claims it before
    problem     TEXT    COLLATE "C", -- what came of the last attempt
    made_at     BIGINT,
    module      BYTEA, -- encrypted
    sealed_key  BYTEA, -- encrypted
    CHECK ((made_at IS NULL) = (module IS NULL)),
    CHECK ((made_at IS NULL) = (sealed_key IS NULL)),
    CHECK ((made_at IS NULL) = (private_key IS NOT NULL))
);

CREATE INDEX repository_orders_unmade ON repository_orders (placed_at, activation)
    WHERE made_at IS NULL;

-- Workers that have said lately that they are at work.
CREATE TABLE repository_workers (
    worker        BYTEA   NOT NULL PRIMARY KEY,
    present_until BIGINT  NOT NULL
);
