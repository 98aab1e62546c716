-- What plug-ins have cost, by day. What was spent stays spent: nothing here refers to a version, a
-- plug-in or a retailer that may be removed.

CREATE TABLE plugin_costs (
    center           TEXT   COLLATE "C" NOT NULL,
    plugin           TEXT   COLLATE "C" NOT NULL, -- empty: the built-in one
    version          TEXT   COLLATE "C" NOT NULL, -- as its author counts
    component        BYTEA  NOT NULL CHECK (LENGTH(component) = 32), -- its SHA-256
    retailer         TEXT   COLLATE "C" NOT NULL, -- empty: of no opened receipt; '*': those that a host had no room for
    day              BIGINT NOT NULL, -- its first moment, UTC
    role             TEXT   COLLATE "C" NOT NULL,
    calls            BIGINT NOT NULL,
    failures         BIGINT NOT NULL,
    fuel             BIGINT NOT NULL,
    host_calls       BIGINT NOT NULL,
    host_bytes       BIGINT NOT NULL,
    memory_bytes_max BIGINT NOT NULL,
    PRIMARY KEY (center, plugin, version, component, retailer, day, role)
);

CREATE INDEX plugin_costs_by_day ON plugin_costs (day, center);

-- How far each run of a host has booked, so that a batch whose answer was lost is not booked twice.
CREATE TABLE plugin_cost_runs (
    run   BYTEA  NOT NULL PRIMARY KEY CHECK (LENGTH(run) = 16),
    batch BIGINT NOT NULL, -- the number of its last one
    at    BIGINT NOT NULL
);
