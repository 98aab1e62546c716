-- Personas, the accounts behind them, and what their readers have asked for.

-- An identity that activates readers. Others name it by a random id, which stays when the persona
-- is erased; everything that tells who it was is gone then.
CREATE TABLE personas (
    id               BYTEA   NOT NULL PRIMARY KEY,
    pseudonym        BYTEA   UNIQUE, -- keyed hash of the persona id
    persona          BYTEA, -- encrypted persona id
    profile          BYTEA, -- encrypted: name and e-mail address
    fact_salt        BYTEA, -- encrypted; what its machines' facts are salted with
    first_activation BIGINT,
    used             BIGINT  NOT NULL CHECK (used >= 0), -- activations that count
    created_at       BIGINT  NOT NULL,
    withdrawn_at     BIGINT,
    erased_at        BIGINT
);

-- Accounts kept here; personas of an OpenID Connect provider have none.
CREATE TABLE accounts (
    persona   BYTEA   NOT NULL PRIMARY KEY REFERENCES personas (id) ON DELETE CASCADE,
    pseudonym BYTEA   NOT NULL UNIQUE, -- keyed hash of the username
    username  BYTEA   NOT NULL, -- encrypted
    password  BYTEA   NOT NULL, -- encrypted hash
    email     BYTEA, -- keyed hash of the folded address
    failures  BIGINT  NOT NULL, -- wrong passwords since the last right one
    failed_at BIGINT
);

CREATE INDEX accounts_by_email ON accounts (email);

-- Whom a provider vouches for: a keyed hash of issuer and subject.
CREATE TABLE identities (
    identity BYTEA NOT NULL PRIMARY KEY,
    persona  BYTEA NOT NULL REFERENCES personas (id) ON DELETE CASCADE
);

CREATE INDEX identities_by_persona ON identities (persona);

-- Tokens are kept as digests only, here and below.
CREATE TABLE password_resets (
    persona     BYTEA   NOT NULL PRIMARY KEY REFERENCES accounts (persona) ON DELETE CASCADE,
    token       BYTEA   NOT NULL UNIQUE,
    valid_until BIGINT  NOT NULL
);

CREATE TABLE sessions (
    token       BYTEA   NOT NULL PRIMARY KEY,
    persona     BYTEA   REFERENCES personas (id) ON DELETE CASCADE,
    notes       BYTEA   NOT NULL, -- encrypted
    begun_at    BIGINT  NOT NULL,
    valid_until BIGINT  NOT NULL
);

CREATE INDEX sessions_by_persona ON sessions (persona);
CREATE INDEX sessions_by_end ON sessions (valid_until);

-- Readers' requests to be activated.
CREATE TABLE grants (
    id           BYTEA   NOT NULL PRIMARY KEY,
    device_code  BYTEA   NOT NULL UNIQUE,
    user_code    BYTEA   NOT NULL UNIQUE,
    access_token BYTEA   UNIQUE,
    reader       TEXT    COLLATE "C" NOT NULL,
    state        TEXT    COLLATE "C" NOT NULL CHECK (state IN ('waiting', 'denied', 'approved')),
    persona      BYTEA   REFERENCES personas (id) ON DELETE CASCADE,
    device_name  BYTEA, -- encrypted
    purpose      TEXT    COLLATE "C" CHECK (purpose IN ('new', 'recovery')),
    progress     TEXT    COLLATE "C" NOT NULL CHECK (progress IN
        ('awaits-reader', 'awaits-keys', 'limit-reached', 'admitted', 'made', 'delivered')),
    next_grant   BIGINT, -- where the limit is reached
    activation   BYTEA, -- from when it is admitted on
    begun_at     BIGINT  NOT NULL,
    valid_until  BIGINT  NOT NULL,
    polled_at    BIGINT,
    interval_s   BIGINT  NOT NULL,
    CHECK ((state = 'approved') = (persona IS NOT NULL))
);

CREATE INDEX grants_by_end ON grants (valid_until);
CREATE INDEX grants_by_persona ON grants (persona);
