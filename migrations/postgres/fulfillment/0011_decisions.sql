-- What the centers' own plug-ins have decided, so that it can be decided again. Nobody caches it, and
-- what is told of a center's changes does not concern it.
CREATE TABLE plugin_decisions (
    center   TEXT   COLLATE "C" NOT NULL,
    id       BYTEA  NOT NULL CHECK (LENGTH(id) = 16), -- later ones are greater
    plugin   TEXT   COLLATE "C" NOT NULL,
    version  TEXT   COLLATE "C" NOT NULL,
    at       BIGINT NOT NULL, -- the moment that the request was judged at
    request  TEXT   COLLATE "C" NOT NULL, -- its id in the log
    retailer TEXT   COLLATE "C" NOT NULL,
    role     TEXT   COLLATE "C" NOT NULL,
    outcome  TEXT   COLLATE "C" NOT NULL, -- allow, deny, found …, or the kind of a failure
    fuel     BIGINT NOT NULL,
    sampled  BIGINT NOT NULL CHECK (sampled IN (0, 1)), -- kept by chance, however many follow
    contract TEXT   COLLATE "C" NOT NULL, -- the version of the contract
    sha256   BYTEA  NOT NULL, -- of the component
    grant_digest  BYTEA NOT NULL, -- of what the version might use, under the master key
    config_digest BYTEA NOT NULL, -- of what was set for it, under the master key
    record   BYTEA  NOT NULL, -- encrypted: question, calls into the host, answers
    PRIMARY KEY (center, id),
    FOREIGN KEY (center, plugin) REFERENCES plugins (center, id) ON DELETE CASCADE
);

CREATE INDEX plugin_decisions_latest ON plugin_decisions (center, plugin, sampled, id);
CREATE INDEX plugin_decisions_oldest ON plugin_decisions (at);
