-- The catalog: titles, the forms they are kept in, and the content keys of the encrypted forms.

CREATE TABLE titles (
    id              BLOB    NOT NULL PRIMARY KEY,
    center          TEXT    NOT NULL REFERENCES centers (id),
    book_id_type    TEXT    NOT NULL,
    book_id         TEXT    NOT NULL,
    root            TEXT    NOT NULL, -- the content store, by its configured name
    path            TEXT    NOT NULL, -- the title's folder in it
    title           TEXT    NOT NULL,
    authors         TEXT    NOT NULL, -- JSON array of strings
    publisher       TEXT,
    language        TEXT,
    copyright       TEXT,
    media_type      TEXT    NOT NULL,
    min_level       INTEGER NOT NULL CHECK (min_level IN (1, 2, 3, 5)),
    signatures      TEXT    NOT NULL, -- roles separated by spaces
    availability    TEXT    NOT NULL CHECK (availability IN ('ready', 'withdrawn')),
    price           INTEGER CHECK (price >= 0), -- minor units
    currency        TEXT,
    price_structure TEXT,
    sort_name       TEXT    NOT NULL, -- beginning of the title in lower case
    search          TEXT    NOT NULL, -- title, authors and Book ID in lower case
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    row_version     INTEGER NOT NULL DEFAULT 1,
    UNIQUE (center, book_id_type, book_id),
    UNIQUE (center, root, path),
    CHECK ((price IS NULL) = (currency IS NULL))
) STRICT;

CREATE INDEX titles_by_name ON titles (center, sort_name, id);

CREATE TABLE title_attributes (
    title_id BLOB NOT NULL REFERENCES titles (id) ON DELETE CASCADE,
    name     TEXT NOT NULL,
    value    TEXT NOT NULL,
    PRIMARY KEY (title_id, name)
) STRICT;

CREATE TABLE title_forms (
    version    BLOB    NOT NULL PRIMARY KEY, -- the title version in the stored file
    title_id   BLOB    NOT NULL REFERENCES titles (id) ON DELETE CASCADE,
    form       TEXT    NOT NULL CHECK (form IN ('clear', 'sealed', 'licensed')),
    object     TEXT    NOT NULL, -- below the content store's root
    size       INTEGER NOT NULL CHECK (size >= 0), -- bytes
    sha256     BLOB    NOT NULL, -- of the whole stored file
    created_at INTEGER NOT NULL,
    UNIQUE (title_id, form)
) STRICT;

-- Apart from the forms, so that whoever reads where the content is does not read its key.
CREATE TABLE content_keys (
    version     BLOB    NOT NULL PRIMARY KEY REFERENCES title_forms (version) ON DELETE CASCADE,
    center      TEXT    NOT NULL,
    key         BLOB    NOT NULL, -- encrypted
    created_at  INTEGER NOT NULL,
    row_version INTEGER NOT NULL DEFAULT 1
) STRICT;

-- A title's key in the change log is everything it can be asked for by, one per line: Book ID
-- type, Book ID, content-store root, path.
CREATE TRIGGER titles_inserted AFTER INSERT ON titles
BEGIN
    INSERT INTO change_log (center, record, key, row_version)
    VALUES (NEW.center, 'title',
            NEW.book_id_type || char(10) || NEW.book_id || char(10) || NEW.root || char(10) || NEW.path,
            NEW.row_version);
END;

CREATE TRIGGER titles_updated
AFTER UPDATE OF id, center, book_id_type, book_id, root, path, title, authors, publisher, language,
    copyright, media_type, min_level, signatures, availability, price, currency, price_structure,
    sort_name, search, created_at, updated_at ON titles
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

CREATE TRIGGER titles_deleted AFTER DELETE ON titles
BEGIN
    INSERT INTO change_log (center, record, key, row_version)
    VALUES (OLD.center, 'title',
            OLD.book_id_type || char(10) || OLD.book_id || char(10) || OLD.root || char(10) || OLD.path,
            OLD.row_version + 1);
END;

-- A title is cached together with its forms and attributes.
CREATE TRIGGER title_forms_inserted AFTER INSERT ON title_forms
BEGIN
    UPDATE titles SET updated_at = updated_at WHERE id = NEW.title_id;
END;

CREATE TRIGGER title_forms_updated AFTER UPDATE ON title_forms
BEGIN
    UPDATE titles SET updated_at = updated_at WHERE id IN (OLD.title_id, NEW.title_id);
END;

CREATE TRIGGER title_forms_deleted AFTER DELETE ON title_forms
BEGIN
    UPDATE titles SET updated_at = updated_at WHERE id = OLD.title_id;
END;

CREATE TRIGGER title_attributes_inserted AFTER INSERT ON title_attributes
BEGIN
    UPDATE titles SET updated_at = updated_at WHERE id = NEW.title_id;
END;

CREATE TRIGGER title_attributes_updated AFTER UPDATE ON title_attributes
BEGIN
    UPDATE titles SET updated_at = updated_at WHERE id IN (OLD.title_id, NEW.title_id);
END;

CREATE TRIGGER title_attributes_deleted AFTER DELETE ON title_attributes
BEGIN
    UPDATE titles SET updated_at = updated_at WHERE id = OLD.title_id;
END;

CREATE TRIGGER content_keys_inserted AFTER INSERT ON content_keys
BEGIN
    INSERT INTO change_log (center, record, key, row_version)
    VALUES (NEW.center, 'content-key', lower(hex(NEW.version)), NEW.row_version);
END;

CREATE TRIGGER content_keys_updated
AFTER UPDATE OF version, center, key, created_at ON content_keys
BEGIN
    UPDATE content_keys SET row_version = OLD.row_version + 1 WHERE version = NEW.version;
    INSERT INTO change_log (center, record, key, row_version)
    VALUES (NEW.center, 'content-key', lower(hex(NEW.version)), OLD.row_version + 1);
    INSERT INTO change_log (center, record, key, row_version)
    SELECT OLD.center, 'content-key', lower(hex(OLD.version)), OLD.row_version + 1
    WHERE OLD.center <> NEW.center OR OLD.version <> NEW.version;
END;

CREATE TRIGGER content_keys_deleted AFTER DELETE ON content_keys
BEGIN
    INSERT INTO change_log (center, record, key, row_version)
    VALUES (OLD.center, 'content-key', lower(hex(OLD.version)), OLD.row_version + 1);
END;
