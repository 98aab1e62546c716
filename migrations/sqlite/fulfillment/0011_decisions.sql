-- What the centers' own plug-ins have decided, so that it can be decided again. Nobody caches it, and
-- what is told of a center's changes does not concern it.
CREATE TABLE plugin_decisions (
    center   TEXT    NOT NULL,
    id       BLOB    NOT NULL CHECK (LENGTH(id) = 16), -- later ones are greater
    plugin   TEXT    NOT NULL,
    version  TEXT    NOT NULL,
    at       INTEGER NOT NULL, -- the moment that the request was judged at
    request  TEXT    NOT NULL, -- its id in the log
    retailer TEXT    NOT NULL,
    role     TEXT    NOT NULL,
    outcome  TEXT    NOT NULL, -- allow, deny, found …, or the kind of a failure
    fuel     INTEGER NOT NULL,
    sampled  INTEGER NOT NULL CHECK (sampled IN (0, 1)), -- kept by chance, however many follow
    contract TEXT    NOT NULL, -- the version of the contract
    sha256   BLOB    NOT NULL, -- of the component
    grant_digest  BLOB NOT NULL, -- of what the version might use, under the master key
    config_digest BLOB NOT NULL, -- of what was set for it, under the master key
    record   BLOB    NOT NULL, -- encrypted: question, calls into the host, answers
    PRIMARY KEY (center, id),
    FOREIGN KEY (center, plugin) REFERENCES plugins (center, id) ON DELETE CASCADE
) STRICT;

CREATE INDEX plugin_decisions_latest ON plugin_decisions (center, plugin, sampled, id);
CREATE INDEX plugin_decisions_oldest ON plugin_decisions (at);
