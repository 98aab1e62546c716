-- The centers' plug-ins: what was published, what is granted, which versions are asked.
-- Hosts hold loaded what stands here; every change of it is a change of its center.

-- A center's plug-ins, in the order in which they are asked.
CREATE TABLE plugins (
    center          TEXT    NOT NULL REFERENCES centers (id) ON DELETE CASCADE,
    id              TEXT    NOT NULL, -- the name in its manifests
    position        INTEGER NOT NULL, -- the smallest is asked first
    grant_text      BLOB    NOT NULL, -- encrypted; what versions published from now on may use
    stands_in_since INTEGER,          -- since when the active version stands in for one that failed
    created_at      INTEGER NOT NULL,
    updated_at      INTEGER NOT NULL,
    PRIMARY KEY (center, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE plugin_versions (
    center          TEXT    NOT NULL,
    plugin       TEXT    NOT NULL,
    version      TEXT    NOT NULL, -- as its author counts
    sha256       BLOB    NOT NULL, -- of the component
    bytes        INTEGER NOT NULL CHECK (bytes BETWEEN 0 AND 33554432), -- its size
    manifest     TEXT    NOT NULL,
    cases        TEXT    NOT NULL, -- JSON array: the files with cases that it was published with
    grant_text      BLOB,             -- encrypted; what this version may use
    unfit        TEXT,             -- why it does not fit the plug-in's grant: it is not asked anew, and has
                                   -- a grant, an earlier one, only while it is asked
    signature    BLOB,             -- its publisher's, over the statement that `colophon plugin statement` prints
    state        TEXT    NOT NULL
        CHECK (state IN ('published', 'canary', 'active', 'retired', 'shelved', 'rejected')),
    share        INTEGER CHECK (share BETWEEN 1 AND 99), -- percent of the purchases
    reason       TEXT,             -- why it was rejected
    turn         INTEGER,          -- a higher one retired later
    published_at INTEGER NOT NULL,
    changed_at   INTEGER NOT NULL,
    PRIMARY KEY (center, plugin, version),
    FOREIGN KEY (center, plugin) REFERENCES plugins (center, id) ON DELETE CASCADE,
    CHECK ((state = 'canary') = (share IS NOT NULL)),
    CHECK ((state = 'rejected') = (reason IS NOT NULL)),
    CHECK ((state = 'retired') = (turn IS NOT NULL)),
    CHECK ((grant_text IS NOT NULL)
        = (state <> 'rejected' AND (unfit IS NULL OR state IN ('active', 'canary'))))
) STRICT, WITHOUT ROWID;

-- Two operators cannot both be right: one version is asked, and one is tried beside it.
CREATE UNIQUE INDEX plugin_versions_active ON plugin_versions (center, plugin) WHERE state = 'active';
CREATE UNIQUE INDEX plugin_versions_canary ON plugin_versions (center, plugin) WHERE state = 'canary';

-- Apart from the versions, whose states change while these never do.
CREATE TABLE plugin_components (
    center          TEXT NOT NULL,
    plugin    TEXT NOT NULL,
    version   TEXT NOT NULL,
    component BLOB NOT NULL,
    PRIMARY KEY (center, plugin, version),
    FOREIGN KEY (center, plugin, version)
        REFERENCES plugin_versions (center, plugin, version) ON DELETE CASCADE
) STRICT;

-- What was done with a plug-in's versions, for people.
CREATE TABLE plugin_history (
    center          TEXT    NOT NULL,
    plugin  TEXT    NOT NULL,
    number  INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    step    TEXT    NOT NULL,
    version TEXT, -- the one that the step names
    active  TEXT, -- the one that is active since
    reason  TEXT,
    PRIMARY KEY (center, plugin, number),
    FOREIGN KEY (center, plugin) REFERENCES plugins (center, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- Questions that a version did not survive. Later versions are asked them before they are published.
CREATE TABLE plugin_vectors (
    center          TEXT    NOT NULL,
    plugin  TEXT    NOT NULL,
    number  INTEGER NOT NULL,
    version TEXT    NOT NULL,
    role    TEXT    NOT NULL,
    input   BLOB    NOT NULL, -- encrypted JSON, without what would tell who the buyer is
    failure TEXT    NOT NULL,
    at      INTEGER NOT NULL,
    PRIMARY KEY (center, plugin, number),
    FOREIGN KEY (center, plugin) REFERENCES plugins (center, id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- Who may publish. A center that names nobody takes plug-ins without a signature.
CREATE TABLE plugin_publishers (
    center          TEXT    NOT NULL REFERENCES centers (id) ON DELETE CASCADE,
    name       TEXT    NOT NULL,
    public_key BLOB    NOT NULL, -- SubjectPublicKeyInfo, DER
    created_at      INTEGER NOT NULL,
    PRIMARY KEY (center, name)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER plugins_inserted AFTER INSERT ON plugins
BEGIN
    UPDATE centers SET updated_at = updated_at WHERE id = NEW.center;
END;

CREATE TRIGGER plugins_updated AFTER UPDATE ON plugins
BEGIN
    UPDATE centers SET updated_at = updated_at WHERE id IN (OLD.center, NEW.center);
END;

CREATE TRIGGER plugins_deleted AFTER DELETE ON plugins
BEGIN
    UPDATE centers SET updated_at = updated_at WHERE id = OLD.center;
END;

CREATE TRIGGER plugin_versions_inserted AFTER INSERT ON plugin_versions
BEGIN
    UPDATE centers SET updated_at = updated_at WHERE id = NEW.center;
END;

CREATE TRIGGER plugin_versions_updated AFTER UPDATE ON plugin_versions
BEGIN
    UPDATE centers SET updated_at = updated_at WHERE id IN (OLD.center, NEW.center);
END;

CREATE TRIGGER plugin_versions_deleted AFTER DELETE ON plugin_versions
BEGIN
    UPDATE centers SET updated_at = updated_at WHERE id = OLD.center;
END;

CREATE TRIGGER plugin_publishers_inserted AFTER INSERT ON plugin_publishers
BEGIN
    UPDATE centers SET updated_at = updated_at WHERE id = NEW.center;
END;

CREATE TRIGGER plugin_publishers_updated AFTER UPDATE ON plugin_publishers
BEGIN
    UPDATE centers SET updated_at = updated_at WHERE id IN (OLD.center, NEW.center);
END;

CREATE TRIGGER plugin_publishers_deleted AFTER DELETE ON plugin_publishers
BEGIN
    UPDATE centers SET updated_at = updated_at WHERE id = OLD.center;
END;
