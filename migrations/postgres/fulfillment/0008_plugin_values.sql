-- Small values that plug-ins keep, apart by center and plug-in. No host caches them.
CREATE TABLE plugin_values (
    center TEXT  COLLATE "C" NOT NULL REFERENCES centers (id) ON DELETE CASCADE,
    plugin TEXT  COLLATE "C" NOT NULL, -- the name in its manifest, the same for all its versions
    key    TEXT  COLLATE "C" NOT NULL, -- as the plug-in names it
    value  BYTEA NOT NULL, -- encrypted
    PRIMARY KEY (center, plugin, key)
);

-- What all keys and values of a plug-in in a center take up, before encryption. Whoever changes
-- one of them holds this row, so that the quota is kept.
CREATE TABLE plugin_value_totals (
    center TEXT   COLLATE "C" NOT NULL REFERENCES centers (id) ON DELETE CASCADE,
    plugin TEXT   COLLATE "C" NOT NULL,
    bytes  BIGINT NOT NULL CHECK (bytes >= 0),
    PRIMARY KEY (center, plugin)
);
