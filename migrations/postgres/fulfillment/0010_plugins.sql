-- The centers' plug-ins: what was published, what is granted, which versions are asked.
-- Hosts hold loaded what stands here; every change of it is a change of its center.

-- A center's plug-ins, in the order in which they are asked.
CREATE TABLE plugins (
    center          TEXT   COLLATE "C" NOT NULL REFERENCES centers (id) ON DELETE CASCADE,
    id              TEXT   COLLATE "C" NOT NULL, -- the name in its manifests
    position        BIGINT NOT NULL, -- the smallest is asked first
    grant_text      BYTEA  NOT NULL, -- encrypted; what versions published from now on may use
    stands_in_since BIGINT,          -- since when the active version stands in for one that failed
    created_at      BIGINT NOT NULL,
    updated_at      BIGINT NOT NULL,
    PRIMARY KEY (center, id)
);

CREATE TABLE plugin_versions (
    center       TEXT   COLLATE "C" NOT NULL,
    plugin       TEXT   COLLATE "C" NOT NULL,
    version      TEXT   COLLATE "C" NOT NULL, -- as its author counts
    sha256       BYTEA  NOT NULL, -- of the component
    bytes        BIGINT NOT NULL CHECK (bytes BETWEEN 0 AND 33554432), -- its size
    manifest     TEXT   COLLATE "C" NOT NULL,
    cases        TEXT   COLLATE "C" NOT NULL, -- JSON array: the files with cases that it was published with
    grant_text   BYTEA,           -- encrypted; what this version may use
    unfit        TEXT   COLLATE "C", -- why it does not fit the plug-in's grant: it is not asked anew, and
                                  -- has a grant, an earlier one, only while it is asked
    signature    BYTEA,           -- its publisher's, over the statement that `colophon plugin statement` prints
    state        TEXT   COLLATE "C" NOT NULL
        CHECK (state IN ('published', 'canary', 'active', 'retired', 'shelved', 'rejected')),
    share        BIGINT CHECK (share BETWEEN 1 AND 99), -- percent of the purchases
    reason       TEXT   COLLATE "C", -- why it was rejected
    turn         BIGINT,             -- a higher one retired later
    published_at BIGINT NOT NULL,
    changed_at   BIGINT NOT NULL,
    PRIMARY KEY (center, plugin, version),
    FOREIGN KEY (center, plugin) REFERENCES plugins (center, id) ON DELETE CASCADE,
    CHECK ((state = 'canary') = (share IS NOT NULL)),
    CHECK ((state = 'rejected') = (reason IS NOT NULL)),
    CHECK ((state = 'retired') = (turn IS NOT NULL)),
    CHECK ((grant_text IS NOT NULL)
        = (state <> 'rejected' AND (unfit IS NULL OR state IN ('active', 'canary'))))
);

-- Two operators cannot both be right: one version is asked, and one is tried beside it.
CREATE UNIQUE INDEX plugin_versions_active ON plugin_versions (center, plugin) WHERE state = 'active';
CREATE UNIQUE INDEX plugin_versions_canary ON plugin_versions (center, plugin) WHERE state = 'canary';

-- Apart from the versions, whose states change while these never do.
CREATE TABLE plugin_components (
    center    TEXT  COLLATE "C" NOT NULL,
    plugin    TEXT  COLLATE "C" NOT NULL,
    version   TEXT  COLLATE "C" NOT NULL,
    component BYTEA NOT NULL,
    PRIMARY KEY (center, plugin, version),
    FOREIGN KEY (center, plugin, version)
        REFERENCES plugin_versions (center, plugin, version) ON DELETE CASCADE
);

-- What was done with a plug-in's versions, for people.
CREATE TABLE plugin_history (
    center  TEXT   COLLATE "C" NOT NULL,
    plugin  TEXT   COLLATE "C" NOT NULL,
    number  BIGINT NOT NULL,
    at      BIGINT NOT NULL,
    step    TEXT   COLLATE "C" NOT NULL,
    version TEXT   COLLATE "C", -- the one that the step names
    active  TEXT   COLLATE "C", -- the one that is active since
    reason  TEXT   COLLATE "C",
    PRIMARY KEY (center, plugin, number),
    FOREIGN KEY (center, plugin) REFERENCES plugins (center, id) ON DELETE CASCADE
);

-- Questions that a version did not survive. Later versions are asked them before they are published.
CREATE TABLE plugin_vectors (
    center  TEXT   COLLATE "C" NOT NULL,
    plugin  TEXT   COLLATE "C" NOT NULL,
    number  BIGINT NOT NULL,
    version TEXT   COLLATE "C" NOT NULL,
    role    TEXT   COLLATE "C" NOT NULL,
    input   BYTEA  NOT NULL, -- encrypted JSON, without what would tell who the buyer is
    failure TEXT   COLLATE "C" NOT NULL,
    at      BIGINT NOT NULL,
    PRIMARY KEY (center, plugin, number),
    FOREIGN KEY (center, plugin) REFERENCES plugins (center, id) ON DELETE CASCADE
);

-- Who may publish. A center that names nobody takes plug-ins without a signature.
CREATE TABLE plugin_publishers (
    center     TEXT   COLLATE "C" NOT NULL REFERENCES centers (id) ON DELETE CASCADE,
    name       TEXT   COLLATE "C" NOT NULL,
    public_key BYTEA  NOT NULL, -- SubjectPublicKeyInfo, DER
    created_at BIGINT NOT NULL,
    PRIMARY KEY (center, name)
);

CREATE FUNCTION center_plugin_changed() RETURNS TRIGGER LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
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

CREATE TRIGGER plugins_changed AFTER INSERT OR UPDATE OR DELETE ON plugins
    FOR EACH ROW EXECUTE FUNCTION center_plugin_changed();
CREATE TRIGGER plugins_emptied AFTER TRUNCATE ON plugins
    FOR EACH STATEMENT EXECUTE FUNCTION table_emptied();
CREATE TRIGGER plugin_versions_changed AFTER INSERT OR UPDATE OR DELETE ON plugin_versions
    FOR EACH ROW EXECUTE FUNCTION center_plugin_changed();
CREATE TRIGGER plugin_versions_emptied AFTER TRUNCATE ON plugin_versions
    FOR EACH STATEMENT EXECUTE FUNCTION table_emptied();
CREATE TRIGGER plugin_publishers_changed AFTER INSERT OR UPDATE OR DELETE ON plugin_publishers
    FOR EACH ROW EXECUTE FUNCTION center_plugin_changed();
CREATE TRIGGER plugin_publishers_emptied AFTER TRUNCATE ON plugin_publishers
    FOR EACH STATEMENT EXECUTE FUNCTION table_emptied();
