-- Retailers, the secrets they share with a center, and where their buyers may be sent.

CREATE TABLE retailers (
    center      TEXT    NOT NULL REFERENCES centers (id) ON DELETE CASCADE,
    id          TEXT    NOT NULL,
    name        TEXT    NOT NULL,
    description TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    row_version INTEGER NOT NULL DEFAULT 1,
    PRIMARY KEY (center, id)
) STRICT;

CREATE TABLE retailer_keys (
    center     TEXT    NOT NULL,
    retailer   TEXT    NOT NULL,
    number     INTEGER NOT NULL CHECK (number > 0),
    secret     BLOB    NOT NULL, -- encrypted
    mode       TEXT    NOT NULL CHECK (mode IN ('live', 'test')),
    state      TEXT    NOT NULL CHECK (state IN ('active', 'revoked')),
    created_at INTEGER NOT NULL,
    revoked_at INTEGER,
    PRIMARY KEY (center, retailer, number),
    FOREIGN KEY (center, retailer) REFERENCES retailers (center, id) ON DELETE CASCADE
) STRICT;

CREATE TABLE retailer_urls (
    center   TEXT    NOT NULL,
    retailer TEXT    NOT NULL,
    position INTEGER NOT NULL, -- the first is the default
    url      TEXT    NOT NULL,
    PRIMARY KEY (center, retailer, position),
    FOREIGN KEY (center, retailer) REFERENCES retailers (center, id) ON DELETE CASCADE
) STRICT;

CREATE TRIGGER retailers_inserted AFTER INSERT ON retailers
BEGIN
    INSERT INTO change_log (center, record, key, row_version)
    VALUES (NEW.center, 'retailer', NEW.id, NEW.row_version);
END;

CREATE TRIGGER retailers_updated
AFTER UPDATE OF center, id, name, description, created_at, updated_at ON retailers
BEGIN
    UPDATE retailers SET row_version = OLD.row_version + 1
    WHERE center = NEW.center AND id = NEW.id;
    INSERT INTO change_log (center, record, key, row_version)
    VALUES (NEW.center, 'retailer', NEW.id, OLD.row_version + 1);
    INSERT INTO change_log (center, record, key, row_version)
    SELECT OLD.center, 'retailer', OLD.id, OLD.row_version + 1
    WHERE OLD.center <> NEW.center OR OLD.id <> NEW.id;
END;

CREATE TRIGGER retailers_deleted AFTER DELETE ON retailers
BEGIN
    INSERT INTO change_log (center, record, key, row_version)
    VALUES (OLD.center, 'retailer', OLD.id, OLD.row_version + 1);
END;

-- A retailer is cached together with its keys and addresses.
CREATE TRIGGER retailer_keys_inserted AFTER INSERT ON retailer_keys
BEGIN
    UPDATE retailers SET updated_at = updated_at WHERE center = NEW.center AND id = NEW.retailer;
END;

CREATE TRIGGER retailer_keys_updated AFTER UPDATE ON retailer_keys
BEGIN
    UPDATE retailers SET updated_at = updated_at
    WHERE (center = OLD.center AND id = OLD.retailer)
       OR (center = NEW.center AND id = NEW.retailer);
END;

CREATE TRIGGER retailer_keys_deleted AFTER DELETE ON retailer_keys
BEGIN
    UPDATE retailers SET updated_at = updated_at WHERE center = OLD.center AND id = OLD.retailer;
END;

CREATE TRIGGER retailer_urls_inserted AFTER INSERT ON retailer_urls
BEGIN
    UPDATE retailers SET updated_at = updated_at WHERE center = NEW.center AND id = NEW.retailer;
END;

CREATE TRIGGER retailer_urls_updated AFTER UPDATE ON retailer_urls
BEGIN
    UPDATE retailers SET updated_at = updated_at
    WHERE (center = OLD.center AND id = OLD.retailer)
       OR (center = NEW.center AND id = NEW.retailer);
END;

CREATE TRIGGER retailer_urls_deleted AFTER DELETE ON retailer_urls
BEGIN
    UPDATE retailers SET updated_at = updated_at WHERE center = OLD.center AND id = OLD.retailer;
END;
