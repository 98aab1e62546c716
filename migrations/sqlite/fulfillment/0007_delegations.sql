-- What another licensor lets a center's licensor grant.

ALTER TABLE titles ADD COLUMN delegation BLOB; -- a signed license; none: the center's licensor grants on its own

DROP TRIGGER titles_updated;
CREATE TRIGGER titles_updated
AFTER UPDATE OF id, center, book_id_type, book_id, root, path, title, authors, publisher, language,
    copyright, media_type, min_level, signatures, availability, price, currency, price_structure,
    sort_name, search, created_at, updated_at, rights, delegation ON titles
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
