-- What personas have activated, and the key pairs they have or will have.

-- One row, once an operator has set anything.
CREATE TABLE activation_settings (
    one           INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    quota_initial INTEGER NOT NULL,
    period_days   INTEGER NOT NULL,
    quota_total   INTEGER NOT NULL,
    free_repeats  INTEGER NOT NULL,
    keys_min      INTEGER NOT NULL, -- key pairs that should wait in the pool
    support       TEXT,
    gift_link     TEXT,
    updated_at    INTEGER NOT NULL
) STRICT;

-- Key pairs are made ahead and wait here without a persona; the next one is the oldest of those.
CREATE TABLE key_pairs (
    id          BLOB    NOT NULL PRIMARY KEY,
    public_key  BLOB    NOT NULL, -- SubjectPublicKeyInfo
    private_key BLOB    NOT NULL, -- encrypted
    persona     BLOB    UNIQUE REFERENCES personas (id) ON DELETE CASCADE,
    created_at  INTEGER NOT NULL,
    assigned_at INTEGER,
    CHECK ((persona IS NULL) = (assigned_at IS NULL))
) STRICT;

CREATE INDEX key_pairs_waiting ON key_pairs (created_at, id) WHERE persona IS NULL;

-- A persona has one certificate at a time: that with the highest number. All stay, so that they can
-- be revoked.
CREATE TABLE persona_certificates (
    persona     BLOB    NOT NULL REFERENCES personas (id),
    number      INTEGER NOT NULL,
    certificate BLOB, -- names the persona: encrypted, and gone when the persona is erased
    serial      BLOB    NOT NULL,
    issued_at   INTEGER NOT NULL,
    valid_until INTEGER NOT NULL,
    revoked_at  INTEGER,
    PRIMARY KEY (persona, number)
) STRICT;

CREATE INDEX persona_certificates_revoked ON persona_certificates (revoked_at)
    WHERE revoked_at IS NOT NULL;

-- Machines. The facts are digests under the persona's salt.
CREATE TABLE devices (
    id            BLOB    NOT NULL PRIMARY KEY,
    persona       BLOB    NOT NULL REFERENCES personas (id),
    machine       BLOB    NOT NULL,
    facts         BLOB, -- encrypted; as of the last activation
    name          BLOB, -- encrypted
    reader        TEXT    NOT NULL,
    repeats       INTEGER NOT NULL, -- for nothing, since an activation was last counted for it
    registered_at INTEGER NOT NULL,
    activated_at  INTEGER NOT NULL,
    released_at   INTEGER,
    activation    BLOB    NOT NULL, -- the latest
    UNIQUE (persona, machine)
) STRICT;

-- The dated list. A grant has at most one activation, so that asking again counts nothing.
CREATE TABLE activations (
    id          BLOB    NOT NULL PRIMARY KEY,
    persona     BLOB    NOT NULL REFERENCES personas (id),
    device      BLOB    NOT NULL REFERENCES devices (id),
    grant_id    BLOB    NOT NULL UNIQUE,
    purpose     TEXT    NOT NULL CHECK (purpose IN ('new', 'recovery')),
    counted     INTEGER NOT NULL CHECK (counted IN (0, 1)), -- 0: the same machine for nothing
    reader      TEXT    NOT NULL,
    at          INTEGER NOT NULL, -- when it was admitted
    finished_at INTEGER, -- when its package was made
    given_back_at INTEGER -- when an operator gave a counted one back
) STRICT;

CREATE INDEX activations_by_time ON activations (at);
CREATE INDEX activations_by_device ON activations (device, at);
CREATE INDEX activations_by_persona ON activations (persona);

-- What a reader got, for as long as it may ask for it again.
CREATE TABLE activation_packages (
    activation BLOB    NOT NULL PRIMARY KEY REFERENCES activations (id) ON DELETE CASCADE,
    package    BLOB    NOT NULL, -- encrypted
    kept_until INTEGER NOT NULL
) STRICT;

CREATE INDEX activation_packages_by_end ON activation_packages (kept_until);
