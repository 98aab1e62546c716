-- What plug-ins have cost, by day. What was spent stays spent: nothing here refers to a version, a
-- plug-in or a retailer that may be removed.

CREATE TABLE plugin_costs (
    center           TEXT    NOT NULL,
    plugin           TEXT    NOT NULL, -- empty: the built-in one
    version          TEXT    NOT NULL, -- as its author counts
    component        BLOB    NOT NULL CHECK (LENGTH(component) = 32), -- its SHA-256
    retailer         TEXT    NOT NULL, -- empty: of no opened receipt; '*': those that a host had no room for
    day              INTEGER NOT NULL, -- its first moment, UTC
    role             TEXT    NOT NULL,
    calls            INTEGER NOT NULL,
    failures         INTEGER NOT NULL,
    fuel             INTEGER NOT NULL,
    host_calls       INTEGER NOT NULL,
    host_bytes       INTEGER NOT NULL,
    memory_bytes_max INTEGER NOT NULL,
    PRIMARY KEY (center, plugin, version, component, retailer, day, role)
) STRICT;

CREATE INDEX plugin_costs_by_day ON plugin_costs (day, center);

-- How far each run of a host has booked, so that a batch whose answer was lost is not booked twice.
CREATE TABLE plugin_cost_runs (
    run   BLOB    NOT NULL PRIMARY KEY CHECK (LENGTH(run) = 16),
    batch INTEGER NOT NULL, -- the number of its last one
    at    INTEGER NOT NULL
) STRICT;
