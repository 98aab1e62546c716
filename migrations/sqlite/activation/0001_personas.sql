-- Personas, the accounts behind them, and what their readers have asked for.

-- An identity that activates readers. Others name it by a random id, which stays when the persona
-- is erased; everything that tells who it was is gone then.
CREATE TABLE personas (
    id               BLOB    NOT NULL PRIMARY KEY,
    pseudonym        BLOB    UNIQUE, -- keyed hash of the persona id
    persona          BLOB, -- encrypted persona id
    profile          BLOB, -- encrypted: name and e-mail address
    fact_salt        BLOB, -- encrypted; what its machines' facts are salted with
    first_activation INTEGER,
    used             INTEGER NOT NULL CHECK (used >= 0), -- activations that count
    created_at       INTEGER NOT NULL,
    withdrawn_at     INTEGER,
    erased_at        INTEGER
) STRICT;

-- Accounts kept here; personas of an OpenID Connect provider have none.
CREATE TABLE accounts (
    persona   BLOB    NOT NULL PRIMARY KEY REFERENCES personas (id) ON DELETE CASCADE,
    pseudonym BLOB    NOT NULL UNIQUE, -- keyed hash of the username
    username  BLOB    NOT NULL, -- encrypted
    password  BLOB    NOT NULL, -- encrypted hash
    email     BLOB, -- keyed hash of the folded address
    failures  INTEGER NOT NULL, -- wrong passwords since the last right one
    failed_at INTEGER
) STRICT;

CREATE INDEX accounts_by_email ON accounts (email);

-- Whom a provider vouches for: a keyed hash of issuer and subject.
CREATE TABLE identities (
    identity BLOB NOT NULL PRIMARY KEY,
    persona  BLOB NOT NULL REFERENCES personas (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

CREATE INDEX identities_by_persona ON identities (persona);

-- Tokens are kept as digests only, here and below.
CREATE TABLE password_resets (
    persona     BLOB    NOT NULL PRIMARY KEY REFERENCES accounts (persona) ON DELETE CASCADE,
    token       BLOB    NOT NULL UNIQUE,
    valid_until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE sessions (
    token       BLOB    NOT NULL PRIMARY KEY,
    persona     BLOB    REFERENCES personas (id) ON DELETE CASCADE,
    notes       BLOB    NOT NULL, -- encrypted
    begun_at    INTEGER NOT NULL,
    valid_until INTEGER NOT NULL
) STRICT;

CREATE INDEX sessions_by_persona ON sessions (persona);
CREATE INDEX sessions_by_end ON sessions (valid_until);

-- Readers' requests to be activated.
CREATE TABLE grants (
    id           BLOB    NOT NULL PRIMARY KEY,
    device_code  BLOB    NOT NULL UNIQUE,
    user_code    BLOB    NOT NULL UNIQUE,
    access_token BLOB    UNIQUE,
    reader       TEXT    NOT NULL,
    state        TEXT    NOT NULL CHECK (state IN ('waiting', 'denied', 'approved')),
    persona      BLOB    REFERENCES personas (id) ON DELETE CASCADE,
    device_name  BLOB, -- encrypted
    purpose      TEXT    CHECK (purpose IN ('new', 'recovery')),
    progress     TEXT    NOT NULL CHECK (progress IN
        ('awaits-reader', 'awaits-keys', 'limit-reached', 'admitted', 'made', 'delivered')),
    next_grant   INTEGER, -- where the limit is reached
    activation   BLOB, -- from when it is admitted on
    begun_at     INTEGER NOT NULL,
    valid_until  INTEGER NOT NULL,
    polled_at    INTEGER,
    interval_s   INTEGER NOT NULL,
    CHECK ((state = 'approved') = (persona IS NOT NULL))
) STRICT;

CREATE INDEX grants_by_end ON grants (valid_until);
CREATE INDEX grants_by_persona ON grants (persona);
