-- What personas have activated, and the key pairs they have or will have.

-- One row, once an operator has set anything.
CREATE TABLE activation_settings (
    one           BIGINT  NOT NULL PRIMARY KEY CHECK (one = 1),
    quota_initial BIGINT  NOT NULL,
    period_days   BIGINT  NOT NULL,
    quota_total   BIGINT  NOT NULL,
    free_repeats  BIGINT  NOT NULL,
    keys_min      BIGINT  NOT NULL, -- key pairs that should wait in the pool
    support       TEXT    COLLATE "C",
    gift_link     TEXT    COLLATE "C",
    updated_at    BIGINT  NOT NULL
);

-- Key pairs are made ahead and wait here without a persona; the next one is the oldest of those.
CREATE TABLE key_pairs (
    id          BYTEA   NOT NULL PRIMARY KEY,
    public_key  BYTEA   NOT NULL, -- SubjectPublicKeyInfo
    private_key BYTEA   NOT NULL, -- encrypted
    persona     BYTEA   UNIQUE REFERENCES personas (id) ON DELETE CASCADE,
    created_at  BIGINT  NOT NULL,
    assigned_at BIGINT,
    CHECK ((persona IS NULL) = (assigned_at IS NULL))
);

CREATE INDEX key_pairs_waiting ON key_pairs (created_at, id) WHERE persona IS NULL;

-- A persona has one certificate at a time: that with the highest number. All stay, so that they can
-- be revoked.
CREATE TABLE persona_certificates (
    persona     BYTEA   NOT NULL REFERENCES personas (id),
    number      BIGINT  NOT NULL,
    certificate BYTEA, -- names the persona: encrypted, and gone when the persona is erased
    serial      BYTEA   NOT NULL,
    issued_at   BIGINT  NOT NULL,
    valid_until BIGINT  NOT NULL,
    revoked_at  BIGINT,
    PRIMARY KEY (persona, number)
);

CREATE INDEX persona_certificates_revoked ON persona_certificates (revoked_at)
    WHERE revoked_at IS NOT NULL;

-- Machines. The facts are digests under the persona's salt.
CREATE TABLE devices (
    id            BYTEA   NOT NULL PRIMARY KEY,
    persona       BYTEA   NOT NULL REFERENCES personas (id),
    machine       BYTEA   NOT NULL,
    facts         BYTEA, -- encrypted; as of the last activation
    name          BYTEA, -- encrypted
    reader        TEXT    COLLATE "C" NOT NULL,
    repeats       BIGINT  NOT NULL, -- for nothing, since an activation was last counted for it
    registered_at BIGINT  NOT NULL,
    activated_at  BIGINT  NOT NULL,
    released_at   BIGINT,
    activation    BYTEA   NOT NULL, -- the latest
    UNIQUE (persona, machine)
);

-- The dated list. A grant has at most one activation, so that asking again counts nothing.
CREATE TABLE activations (
    id          BYTEA   NOT NULL PRIMARY KEY,
    persona     BYTEA   NOT NULL REFERENCES personas (id),
    device      BYTEA   NOT NULL REFERENCES devices (id),
    grant_id    BYTEA   NOT NULL UNIQUE,
    purpose     TEXT    COLLATE "C" NOT NULL CHECK (purpose IN ('new', 'recovery')),
    counted     BIGINT  NOT NULL CHECK (counted IN (0, 1)), -- 0: the same machine for nothing
    reader      TEXT    COLLATE "C" NOT NULL,
    at          BIGINT  NOT NULL, -- when it was admitted
    finished_at BIGINT, -- when its package was made
    given_back_at BIGINT -- when an operator gave a counted one back
);

CREATE INDEX activations_by_time ON activations (at);
CREATE INDEX activations_by_device ON activations (device, at);
CREATE INDEX activations_by_persona ON activations (persona);

-- What a reader got, for as long as it may ask for it again.
CREATE TABLE activation_packages (
    activation BYTEA   NOT NULL PRIMARY KEY REFERENCES activations (id) ON DELETE CASCADE,
    package    BYTEA   NOT NULL, -- encrypted
    kept_until BIGINT  NOT NULL
);

CREATE INDEX activation_packages_by_end ON activation_packages (kept_until);
