-- Fulfillment centers, who signs for them, and the authorities that issued the certificates.
-- Columns marked "encrypted" hold ciphertext under the master key, bound to table, row and column.

CREATE TABLE centers (
    id                   TEXT    NOT NULL PRIMARY KEY,
    name                 TEXT    NOT NULL,
    receipt_skew_s       INTEGER NOT NULL CHECK (receipt_skew_s >= 0),
    receipt_lifetime_s   INTEGER NOT NULL CHECK (receipt_lifetime_s > 0),
    receipt_resume_s     INTEGER NOT NULL CHECK (receipt_resume_s >= 0),
    copy_key             BLOB    NOT NULL, -- encrypted
    created_at           INTEGER NOT NULL,
    updated_at           INTEGER NOT NULL,
    row_version          INTEGER NOT NULL DEFAULT 1
) STRICT;

CREATE TABLE signers (
    center      TEXT    NOT NULL REFERENCES centers (id) ON DELETE CASCADE,
    role        TEXT    NOT NULL,
    chain       BLOB    NOT NULL, -- DER certificates, each after its length (8 bytes, big-endian)
    private_key BLOB    NOT NULL, -- encrypted PKCS #8
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    PRIMARY KEY (center, role)
) STRICT;

CREATE TABLE authorities (
    name        TEXT    NOT NULL PRIMARY KEY,
    certificate BLOB    NOT NULL, -- DER
    private_key BLOB,             -- encrypted PKCS #8; none for an authority outside this host
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL
) STRICT;

CREATE TRIGGER centers_inserted AFTER INSERT ON centers
BEGIN
    INSERT INTO change_log (center, record, key, row_version)
    VALUES (NEW.id, 'center', NEW.id, NEW.row_version);
END;

-- row_version is not among the columns watched, so the trigger's own update does not set it off.
CREATE TRIGGER centers_updated
AFTER UPDATE OF id, name, receipt_skew_s, receipt_lifetime_s, receipt_resume_s, copy_key,
    created_at, updated_at ON centers
BEGIN
    UPDATE centers SET row_version = OLD.row_version + 1 WHERE id = NEW.id;
    INSERT INTO change_log (center, record, key, row_version)
    VALUES (NEW.id, 'center', NEW.id, OLD.row_version + 1);
    INSERT INTO change_log (center, record, key, row_version)
    SELECT OLD.id, 'center', OLD.id, OLD.row_version + 1 WHERE OLD.id <> NEW.id;
END;

CREATE TRIGGER centers_deleted AFTER DELETE ON centers
BEGIN
    INSERT INTO change_log (center, record, key, row_version)
    VALUES (OLD.id, 'center', OLD.id, OLD.row_version + 1);
END;

-- A center is cached together with its signers: a change of one is a change of the other.
CREATE TRIGGER signers_inserted AFTER INSERT ON signers
BEGIN
    UPDATE centers SET updated_at = updated_at WHERE id = NEW.center;
END;

CREATE TRIGGER signers_updated AFTER UPDATE ON signers
BEGIN
    UPDATE centers SET updated_at = updated_at WHERE id IN (OLD.center, NEW.center);
END;

CREATE TRIGGER signers_deleted AFTER DELETE ON signers
BEGIN
    UPDATE centers SET updated_at = updated_at WHERE id = OLD.center;
END;
