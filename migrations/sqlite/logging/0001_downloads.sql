-- The download log: one row for each request answered or refused.

-- A person's data key. The rows of the log name a person only by a random id; deleting a row here
-- makes everything personal in that person's rows unreadable for good.
CREATE TABLE persons (
    id         BLOB    NOT NULL PRIMARY KEY,
    pseudonym  BLOB    NOT NULL UNIQUE, -- keyed hash of center, retailer and customer
    data_key   BLOB    NOT NULL, -- encrypted
    created_at INTEGER NOT NULL
) STRICT;

CREATE TABLE downloads (
    event           BLOB    NOT NULL PRIMARY KEY,
    node            BLOB    NOT NULL,
    sequence        INTEGER NOT NULL, -- in the node's outbox
    at              INTEGER NOT NULL, -- when the request arrived
    took_us         INTEGER NOT NULL,
    center          TEXT    NOT NULL,
    retailer        TEXT,
    key_id          TEXT,
    purchase        BLOB, -- SHA-256 of its parts, each after its length
    sale            TEXT, -- the retailer's transaction
    book_id_type    TEXT,
    book_id         TEXT,
    requested_level INTEGER,
    sold_at         INTEGER,
    retail_price    INTEGER, -- minor units, like cost and list_price
    cost            INTEGER,
    list_price      INTEGER,
    currency        TEXT,
    outcome         TEXT    NOT NULL CHECK (outcome IN ('completed', 'broken', 'refused')),
    code            TEXT, -- why refused
    level           INTEGER,
    length          INTEGER, -- of the whole copy, in bytes
    etag            BLOB,
    range_start     INTEGER,
    range_end       INTEGER, -- one past the last byte asked for
    sent            INTEGER, -- bytes of the range handed to the connection
    person          BLOB    NOT NULL, -- persons.id; stays when the person is erased
    personal        BLOB    NOT NULL -- encrypted: buyer, customer, address, agent, file name
) STRICT;

CREATE INDEX downloads_by_time ON downloads (center, at, event);
CREATE INDEX downloads_by_node ON downloads (node, sequence);

-- Sales of which at least one byte was sent. A sale is billed once, in the period in which every
-- byte of one copy had been sent for the first time.
CREATE TABLE purchases (
    purchase     BLOB    NOT NULL PRIMARY KEY, -- SHA-256 of its parts, each after its length
    center       TEXT    NOT NULL,
    retailer     TEXT    NOT NULL,
    sale         TEXT    NOT NULL,
    book_id_type TEXT    NOT NULL,
    book_id      TEXT    NOT NULL,
    key_id       TEXT    NOT NULL,
    retail_price INTEGER,
    cost         INTEGER,
    list_price   INTEGER,
    currency     TEXT,
    begun_at     INTEGER NOT NULL,
    completed_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX purchases_by_completion ON purchases (center, completed_at);

-- What was sent of copies of purchases that are not complete yet. Spans of one copy do not touch
-- each other; those of a completed purchase are gone.
CREATE TABLE purchase_parts (
    purchase BLOB    NOT NULL,
    etag     BLOB    NOT NULL, -- of the copy
    first    INTEGER NOT NULL, -- byte
    past     INTEGER NOT NULL, -- one past the last byte
    at       INTEGER NOT NULL, -- of the latest delivery that brought any of them
    PRIMARY KEY (purchase, etag, first)
) STRICT, WITHOUT ROWID;

-- How many receipts were opened under a key.
CREATE TABLE key_uses (
    center       TEXT    NOT NULL,
    key_id       TEXT    NOT NULL,
    uses         INTEGER NOT NULL,
    last_used_at INTEGER NOT NULL,
    PRIMARY KEY (center, key_id)
) STRICT, WITHOUT ROWID;

-- How far each node's outbox has arrived without a gap.
CREATE TABLE node_progress (
    node     BLOB    NOT NULL PRIMARY KEY,
    complete INTEGER NOT NULL, -- every sequence up to here is in the log
    highest  INTEGER NOT NULL
) STRICT;
