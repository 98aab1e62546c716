-- Fulfillment centers, who signs for them, and the authorities that issued the certificates.
-- Columns marked "encrypted" hold ciphertext under the master key, bound to table, row and column.

CREATE TABLE centers (
    id                   TEXT   COLLATE "C" NOT NULL PRIMARY KEY,
    name                 TEXT   COLLATE "C" NOT NULL,
    receipt_skew_s       BIGINT NOT NULL CHECK (receipt_skew_s >= 0),
    receipt_lifetime_s   BIGINT NOT NULL CHECK (receipt_lifetime_s > 0),
    receipt_resume_s     BIGINT NOT NULL CHECK (receipt_resume_s >= 0),
    copy_key             BYTEA  NOT NULL, -- encrypted
    created_at           BIGINT NOT NULL,
    updated_at           BIGINT NOT NULL,
    row_version          BIGINT NOT NULL DEFAULT 1
);

CREATE TABLE signers (
    center      TEXT   COLLATE "C" NOT NULL REFERENCES centers (id) ON DELETE CASCADE,
    role        TEXT   COLLATE "C" NOT NULL,
    chain       BYTEA  NOT NULL, -- DER certificates, each after its length (8 bytes, big-endian)
    private_key BYTEA  NOT NULL, -- encrypted PKCS #8
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL,
    PRIMARY KEY (center, role)
);

CREATE TABLE authorities (
    name        TEXT   COLLATE "C" NOT NULL PRIMARY KEY,
    certificate BYTEA  NOT NULL, -- DER
    private_key BYTEA,           -- encrypted PKCS #8; none for an authority outside this host
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL
);

CREATE FUNCTION center_changed() RETURNS TRIGGER LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP <> 'DELETE' THEN
        PERFORM log_change(NEW.id, 'center', NEW.id, NEW.row_version);
    END IF;
    IF TG_OP = 'DELETE' OR (TG_OP = 'UPDATE' AND OLD.id <> NEW.id) THEN
        PERFORM log_change(OLD.id, 'center', OLD.id, OLD.row_version + 1);
    END IF;
    RETURN NULL;
END;
$$;

-- A center is cached together with its signers: a change of one is a change of the other.
CREATE FUNCTION signer_changed() RETURNS TRIGGER LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        UPDATE centers SET updated_at = updated_at WHERE id = OLD.center;
    END IF;
    IF TG_OP = 'INSERT' OR (TG_OP = 'UPDATE' AND OLD.center <> NEW.center) THEN
        UPDATE centers SET updated_at = updated_at WHERE id = NEW.center;
    END IF;
    RETURN NULL;
END;
$$;

CREATE TRIGGER centers_version BEFORE UPDATE ON centers
    FOR EACH ROW EXECUTE FUNCTION next_row_version();
CREATE TRIGGER centers_changed AFTER INSERT OR UPDATE OR DELETE ON centers
    FOR EACH ROW EXECUTE FUNCTION center_changed();
CREATE TRIGGER centers_emptied AFTER TRUNCATE ON centers
    FOR EACH STATEMENT EXECUTE FUNCTION table_emptied();
CREATE TRIGGER signers_changed AFTER INSERT OR UPDATE OR DELETE ON signers
    FOR EACH ROW EXECUTE FUNCTION signer_changed();
CREATE TRIGGER signers_emptied AFTER TRUNCATE ON signers
    FOR EACH STATEMENT EXECUTE FUNCTION table_emptied();
