-- The download log: one row for each request answered or refused.

-- A person's data key. The rows of the log name a person only by a random id; deleting a row here
-- makes everything personal in that person's rows unreadable for good.
CREATE TABLE persons (
    id         BYTEA  NOT NULL PRIMARY KEY,
    pseudonym  BYTEA  NOT NULL UNIQUE, -- keyed hash of center, retailer and customer
    data_key   BYTEA  NOT NULL, -- encrypted
    created_at BIGINT NOT NULL
);

CREATE TABLE downloads (
    event           BYTEA  NOT NULL PRIMARY KEY,
    node            BYTEA  NOT NULL,
    sequence        BIGINT NOT NULL, -- in the node's outbox
    at              BIGINT NOT NULL, -- when the request arrived
    took_us         BIGINT NOT NULL,
    center          TEXT   COLLATE "C" NOT NULL,
    retailer        TEXT   COLLATE "C",
    key_id          TEXT   COLLATE "C",
    purchase        BYTEA, -- SHA-256 of its parts, each after its length
    sale            TEXT   COLLATE "C", -- the retailer's transaction
    book_id_type    TEXT   COLLATE "C",
    book_id         TEXT   COLLATE "C",
    requested_level BIGINT,
    sold_at         BIGINT,
    retail_price    BIGINT, -- minor units, like cost and list_price
    cost            BIGINT,
    list_price      BIGINT,
    currency        TEXT   COLLATE "C",
    outcome         TEXT   COLLATE "C" NOT NULL CHECK (outcome IN ('completed', 'broken', 'refused')),
    code            TEXT   COLLATE "C", -- why refused
    level           BIGINT,
    length          BIGINT, -- of the whole copy, in bytes
    etag            BYTEA,
    range_start     BIGINT,
    range_end       BIGINT, -- one past the last byte asked for
    sent            BIGINT, -- bytes of the range handed to the connection
    person          BYTEA  NOT NULL, -- persons.id; stays when the person is erased
    personal        BYTEA  NOT NULL -- encrypted: buyer, customer, address, agent, file name
);

CREATE INDEX downloads_by_time ON downloads (center, at, event);
CREATE INDEX downloads_by_node ON downloads (node, sequence);

-- Sales of which at least one byte was sent. A sale is billed once, in the period in which every
-- byte of one copy had been sent for the first time.
CREATE TABLE purchases (
    purchase     BYTEA  NOT NULL PRIMARY KEY, -- SHA-256 of its parts, each after its length
    center       TEXT   COLLATE "C" NOT NULL,
    retailer     TEXT   COLLATE "C" NOT NULL,
    sale         TEXT   COLLATE "C" NOT NULL,
    book_id_type TEXT   COLLATE "C" NOT NULL,
    book_id      TEXT   COLLATE "C" NOT NULL,
    key_id       TEXT   COLLATE "C" NOT NULL,
    retail_price BIGINT,
    cost         BIGINT,
    list_price   BIGINT,
    currency     TEXT   COLLATE "C",
    begun_at     BIGINT NOT NULL,
    completed_at BIGINT
);

CREATE INDEX purchases_by_completion ON purchases (center, completed_at);

-- What was sent of copies of purchases that are not complete yet. Spans of one copy do not touch
-- each other; those of a completed purchase are gone.
CREATE TABLE purchase_parts (
    purchase BYTEA   NOT NULL,
    etag     BYTEA   NOT NULL, -- of the copy
    first    BIGINT  NOT NULL, -- byte
    past     BIGINT  NOT NULL, -- one past the last byte
    at       BIGINT  NOT NULL, -- of the latest delivery that brought any of them
    PRIMARY KEY (purchase, etag, first)
);

-- How many receipts were opened under a key.
CREATE TABLE key_uses (
    center       TEXT   COLLATE "C" NOT NULL,
    key_id       TEXT   COLLATE "C" NOT NULL,
    uses         BIGINT NOT NULL,
    last_used_at BIGINT NOT NULL,
    PRIMARY KEY (center, key_id)
);

-- How far each node's outbox has arrived without a gap.
CREATE TABLE node_progress (
    node     BYTEA  NOT NULL PRIMARY KEY,
    complete BIGINT NOT NULL, -- every sequence up to here is in the log
    highest  BIGINT NOT NULL
);
