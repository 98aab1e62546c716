-- Retailers, the secrets they share with a center, and where their buyers may be sent.

CREATE TABLE retailers (
    center      TEXT   COLLATE "C" NOT NULL REFERENCES centers (id) ON DELETE CASCADE,
    id          TEXT   COLLATE "C" NOT NULL,
    name        TEXT   COLLATE "C" NOT NULL,
    description TEXT   COLLATE "C" NOT NULL,
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    row_version BIGINT NOT NULL DEFAULT 1,
    PRIMARY KEY (center, id)
);

CREATE TABLE retailer_keys (
    center     TEXT   COLLATE "C" NOT NULL,
    retailer   TEXT   COLLATE "C" NOT NULL,
    number     BIGINT NOT NULL CHECK (number > 0),
    secret     BYTEA  NOT NULL, -- encrypted
    mode       TEXT   COLLATE "C" NOT NULL CHECK (mode IN ('live', 'test')),
    state      TEXT   COLLATE "C" NOT NULL CHECK (state IN ('active', 'revoked')),
    created_at BIGINT NOT NULL,
    revoked_at BIGINT,
    PRIMARY KEY (center, retailer, number),
    FOREIGN KEY (center, retailer) REFERENCES retailers (center, id) ON DELETE CASCADE
);

CREATE TABLE retailer_urls (
    center   TEXT   COLLATE "C" NOT NULL,
    retailer TEXT   COLLATE "C" NOT NULL,
    position BIGINT NOT NULL, -- the first is the default
    url      TEXT   COLLATE "C" NOT NULL,
    PRIMARY KEY (center, retailer, position),
    FOREIGN KEY (center, retailer) REFERENCES retailers (center, id) ON DELETE CASCADE
);

CREATE FUNCTION retailer_changed() RETURNS TRIGGER LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP <> 'DELETE' THEN
        PERFORM log_change(NEW.center, 'retailer', NEW.id, NEW.row_version);
    END IF;
    IF TG_OP = 'DELETE' OR (TG_OP = 'UPDATE' AND (OLD.center, OLD.id) <> (NEW.center, NEW.id)) THEN
        PERFORM log_change(OLD.center, 'retailer', OLD.id, OLD.row_version + 1);
    END IF;
    RETURN NULL;
END;
$$;

-- A retailer is cached together with its keys and addresses.
CREATE FUNCTION retailer_part_changed() RETURNS TRIGGER LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        UPDATE retailers SET updated_at = updated_at WHERE center = OLD.center AND id = OLD.retailer;
    END IF;
    IF TG_OP = 'INSERT'
        OR (TG_OP = 'UPDATE' AND (OLD.center, OLD.retailer) <> (NEW.center, NEW.retailer)) THEN
        UPDATE retailers SET updated_at = updated_at WHERE center = NEW.center AND id = NEW.retailer;
    END IF;
    RETURN NULL;
END;
$$;

CREATE TRIGGER retailers_version BEFORE UPDATE ON retailers
    FOR EACH ROW EXECUTE FUNCTION next_row_version();
CREATE TRIGGER retailers_changed AFTER INSERT OR UPDATE OR DELETE ON retailers
    FOR EACH ROW EXECUTE FUNCTION retailer_changed();
CREATE TRIGGER retailers_emptied AFTER TRUNCATE ON retailers
    FOR EACH STATEMENT EXECUTE FUNCTION table_emptied();
CREATE TRIGGER retailer_keys_changed AFTER INSERT OR UPDATE OR DELETE ON retailer_keys
    FOR EACH ROW EXECUTE FUNCTION retailer_part_changed();
CREATE TRIGGER retailer_keys_emptied AFTER TRUNCATE ON retailer_keys
    FOR EACH STATEMENT EXECUTE FUNCTION table_emptied();
CREATE TRIGGER retailer_urls_changed AFTER INSERT OR UPDATE OR DELETE ON retailer_urls
    FOR EACH ROW EXECUTE FUNCTION retailer_part_changed();
CREATE TRIGGER retailer_urls_emptied AFTER TRUNCATE ON retailer_urls
    FOR EACH STATEMENT EXECUTE FUNCTION table_emptied();
