-- The catalog: titles, the forms they are kept in, and the content keys of the encrypted forms.

CREATE TABLE titles (
    id              BYTEA  NOT NULL PRIMARY KEY,
    center          TEXT   COLLATE "C" NOT NULL REFERENCES centers (id),
    book_id_type    TEXT   COLLATE "C" NOT NULL,
    book_id         TEXT   COLLATE "C" NOT NULL,
    root            TEXT   COLLATE "C" NOT NULL, -- the content store, by its configured name
    path            TEXT   COLLATE "C" NOT NULL, -- the title's folder in it
    title           TEXT   COLLATE "C" NOT NULL,
    authors         TEXT   COLLATE "C" NOT NULL, -- JSON array of strings
    publisher       TEXT   COLLATE "C",
    language        TEXT   COLLATE "C",
    copyright       TEXT   COLLATE "C",
    media_type      TEXT   COLLATE "C" NOT NULL,
    min_level       BIGINT NOT NULL CHECK (min_level IN (1, 2, 3, 5)),
    signatures      TEXT   COLLATE "C" NOT NULL, -- roles separated by spaces
    availability    TEXT   COLLATE "C" NOT NULL CHECK (availability IN ('ready', 'withdrawn')),
    price           BIGINT CHECK (price >= 0), -- minor units
    currency        TEXT   COLLATE "C",
    price_structure TEXT   COLLATE "C",
    sort_name       TEXT   COLLATE "C" NOT NULL, -- beginning of the title in lower case
    search          TEXT   COLLATE "C" NOT NULL, -- title, authors and Book ID in lower case
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    row_version     BIGINT NOT NULL DEFAULT 1,
    UNIQUE (center, book_id_type, book_id),
    UNIQUE (center, root, path),
    CHECK ((price IS NULL) = (currency IS NULL))
);

CREATE INDEX titles_by_name ON titles (center, sort_name, id);

CREATE TABLE title_attributes (
    title_id BYTEA NOT NULL REFERENCES titles (id) ON DELETE CASCADE,
    name     TEXT  COLLATE "C" NOT NULL,
    value    TEXT  COLLATE "C" NOT NULL,
    PRIMARY KEY (title_id, name)
);

CREATE TABLE title_forms (
    version    BYTEA  NOT NULL PRIMARY KEY, -- the title version in the stored file
    title_id   BYTEA  NOT NULL REFERENCES titles (id) ON DELETE CASCADE,
    form       TEXT   COLLATE "C" NOT NULL CHECK (form IN ('clear', 'sealed', 'licensed')),
    object     TEXT   COLLATE "C" NOT NULL, -- below the content store's root
    size       BIGINT NOT NULL CHECK (size >= 0), -- bytes
    sha256     BYTEA  NOT NULL, -- of the whole stored file
    created_at BIGINT NOT NULL,
    UNIQUE (title_id, form)
);

-- Apart from the forms, so that whoever reads where the content is does not read its key.
CREATE TABLE content_keys (
    version     BYTEA  NOT NULL PRIMARY KEY REFERENCES title_forms (version) ON DELETE CASCADE,
    center      TEXT   COLLATE "C" NOT NULL,
    key         BYTEA  NOT NULL, -- encrypted
    created_at  BIGINT NOT NULL,
    row_version BIGINT NOT NULL DEFAULT 1
);

-- A title's key in the change log is everything it can be asked for by, one per line: Book ID
-- type, Book ID, content-store root, path.
CREATE FUNCTION title_changed() RETURNS TRIGGER LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP <> 'DELETE' THEN
        PERFORM log_change(NEW.center, 'title',
            concat_ws(chr(10), NEW.book_id_type, NEW.book_id, NEW.root, NEW.path), NEW.row_version);
    END IF;
    IF TG_OP = 'DELETE' OR (TG_OP = 'UPDATE'
        AND (OLD.center, OLD.book_id_type, OLD.book_id, OLD.root, OLD.path)
            <> (NEW.center, NEW.book_id_type, NEW.book_id, NEW.root, NEW.path)) THEN
        PERFORM log_change(OLD.center, 'title',
            concat_ws(chr(10), OLD.book_id_type, OLD.book_id, OLD.root, OLD.path),
            OLD.row_version + 1);
    END IF;
    RETURN NULL;
END;
$$;

-- A title is cached together with its forms and attributes.
CREATE FUNCTION title_part_changed() RETURNS TRIGGER LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        UPDATE titles SET updated_at = updated_at WHERE id = OLD.title_id;
    END IF;
    IF TG_OP = 'INSERT' OR (TG_OP = 'UPDATE' AND OLD.title_id <> NEW.title_id) THEN
        UPDATE titles SET updated_at = updated_at WHERE id = NEW.title_id;
    END IF;
    RETURN NULL;
END;
$$;

CREATE FUNCTION content_key_changed() RETURNS TRIGGER LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP <> 'DELETE' THEN
        PERFORM log_change(NEW.center, 'content-key', encode(NEW.version, 'hex'), NEW.row_version);
    END IF;
    IF TG_OP = 'DELETE'
        OR (TG_OP = 'UPDATE' AND (OLD.center, OLD.version) <> (NEW.center, NEW.version)) THEN
        PERFORM log_change(OLD.center, 'content-key', encode(OLD.version, 'hex'), OLD.row_version + 1);
    END IF;
    RETURN NULL;
END;
$$;

CREATE TRIGGER titles_version BEFORE UPDATE ON titles
    FOR EACH ROW EXECUTE FUNCTION next_row_version();
CREATE TRIGGER titles_changed AFTER INSERT OR UPDATE OR DELETE ON titles
    FOR EACH ROW EXECUTE FUNCTION title_changed();
CREATE TRIGGER titles_emptied AFTER TRUNCATE ON titles
    FOR EACH STATEMENT EXECUTE FUNCTION table_emptied();
CREATE TRIGGER title_forms_changed AFTER INSERT OR UPDATE OR DELETE ON title_forms
    FOR EACH ROW EXECUTE FUNCTION title_part_changed();
CREATE TRIGGER title_forms_emptied AFTER TRUNCATE ON title_forms
    FOR EACH STATEMENT EXECUTE FUNCTION table_emptied();
CREATE TRIGGER title_attributes_changed AFTER INSERT OR UPDATE OR DELETE ON title_attributes
    FOR EACH ROW EXECUTE FUNCTION title_part_changed();
CREATE TRIGGER title_attributes_emptied AFTER TRUNCATE ON title_attributes
    FOR EACH STATEMENT EXECUTE FUNCTION table_emptied();
CREATE TRIGGER content_keys_version BEFORE UPDATE ON content_keys
    FOR EACH ROW EXECUTE FUNCTION next_row_version();
CREATE TRIGGER content_keys_changed AFTER INSERT OR UPDATE OR DELETE ON content_keys
    FOR EACH ROW EXECUTE FUNCTION content_key_changed();
CREATE TRIGGER content_keys_emptied AFTER TRUNCATE ON content_keys
    FOR EACH STATEMENT EXECUTE FUNCTION table_emptied();
