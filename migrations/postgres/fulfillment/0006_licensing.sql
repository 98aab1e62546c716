-- What licenses grant, and the activation certificates they are made for.

ALTER TABLE centers ADD COLUMN rights TEXT COLLATE "C"; -- XML; none: viewing alone
ALTER TABLE titles ADD COLUMN rights TEXT COLLATE "C"; -- XML; none: what the center's licenses grant

-- Personas' activation certificates as they last came with a request or from where they are
-- registered. No host caches them. A row names its persona by a keyed hash.
CREATE TABLE principals (
    center     TEXT   COLLATE "C" NOT NULL REFERENCES centers (id) ON DELETE CASCADE,
    pseudonym  BYTEA  NOT NULL, -- keyed hash of center and persona
    chain      BYTEA  NOT NULL, -- encrypted: DER certificates, each after its length
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (center, pseudonym)
);
