-- What licenses grant, and the activation certificates they are made for.

ALTER TABLE centers ADD COLUMN rights TEXT; -- XML; none: viewing alone
ALTER TABLE titles ADD COLUMN rights TEXT; -- XML; none: what the center's licenses grant

DROP TRIGGER centers_updated;
CREATE TRIGGER centers_updated
AFTER UPDATE OF id, name, receipt_skew_s, receipt_lifetime_s, receipt_resume_s, copy_key,
    created_at, updated_at, rights ON centers
BEGIN
    UPDATE centers SET row_version = OLD.row_version + 1 WHERE id = NEW.id;
    INSERT INTO change_log (center, record, key, row_version)
    VALUES (NEW.id, 'center', NEW.id, OLD.row_version + 1);
    INSERT INTO change_log (center, record, key, row_version)
    SELECT OLD.id, 'center', OLD.id, OLD.row_version + 1 WHERE OLD.id <> NEW.id;
END;

DROP TRIGGER titles_updated;
CREATE TRIGGER titles_updated
AFTER UPDATE OF id, center, book_id_type, book_id, root, path, title, authors, publisher, language,
    copyright, media_type, min_level, signatures, availability, price, currency, price_structure,
    sort_name, search, created_at, updated_at, rights ON titles
BEGIN
    UPDATE titles SET row_version = OLD.row_version + 1 WHERE id = NEW.id;
    INSERT INTO change_log (center, record, key, row_version)
    VALUES (NEW.center, 'title',
            NEW.book_id_type || char(10) || NEW.book_id || char(10) || NEW.root || char(10) || NEW.path,
            OLD.row_version + 1);
    INSERT INTO change_log (center, record, key, row_version)
    SELECT OLD.center, 'title',
           OLD.book_id_type || char(10) || OLD.book_id || char(10) || OLD.root || char(10) || OLD.path,
           OLD.row_version + 1
    WHERE OLD.center <> NEW.center OR OLD.book_id_type <> NEW.book_id_type
       OR OLD.book_id <> NEW.book_id OR OLD.root <> NEW.root OR OLD.path <> NEW.path;
END;

-- Personas' activation certificates as they last came with a request or from where they are
-- registered. No host caches them. A row names its persona by a keyed hash.
CREATE TABLE principals (
    center     TEXT    NOT NULL REFERENCES centers (id) ON DELETE CASCADE,
    pseudonym  BLOB    NOT NULL, -- keyed hash of center and persona
    chain      BLOB    NOT NULL, -- encrypted: DER certificates, each after its length
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (center, pseudonym)
) STRICT;
