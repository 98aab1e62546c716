-- Hosts as their center knows them. Each process says again and again that it is there; every moment
-- in here is this database's own, so that no clock of a host's counts.

CREATE VIEW database_clock AS
SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::BIGINT AS now_ms;

-- One row for each process: a node has more than one only while a host takes over from another, or
-- where a copy runs under its identity.
-- Every process writes its row every few seconds, so nothing of it is in an index but who it is: a
-- new state of a row stays on its page, in the room that is left there, and its old one is cleared
-- from there in passing.
CREATE TABLE nodes (
    node            BYTEA   NOT NULL, -- the identity in its own database
    run             BYTEA   NOT NULL, -- the process, from its start to its end
    place           TEXT    COLLATE "C" NOT NULL, -- where that database is: a host that takes over is at the same place, a copy is not
    name            TEXT    COLLATE "C" NOT NULL,
    roles           TEXT    COLLATE "C" NOT NULL, -- with commas between them
    version         TEXT    COLLATE "C" NOT NULL, -- of the program
    address         TEXT    COLLATE "C", -- where it listens
    state           TEXT    COLLATE "C" NOT NULL CHECK (state IN ('serving', 'draining', 'gone')),
    started_at      BIGINT  NOT NULL,
    seen_at         BIGINT  NOT NULL,
    silent_after_ms BIGINT  NOT NULL, -- without news for so long, it is not there any more
    epoch           BIGINT, -- the history of changes that it follows
    applied         BIGINT, -- the last of them that it has followed
    lease_left_ms   BIGINT  NOT NULL, -- how long it could go on without news of changes
    rows_waiting    BIGINT  NOT NULL, -- log rows in its outbox
    clock_ahead_ms  BIGINT, -- how far its own clock was ahead of this database's
    PRIMARY KEY (node, run)
) WITH (fillfactor = 50);

-- What is lost of these at a power cut is said again within seconds, so nobody waits for the disk.
CREATE FUNCTION nodes_say_it_again() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    RETURN NULL;
END;
$$;

CREATE TRIGGER nodes_said BEFORE INSERT OR UPDATE ON nodes
    FOR EACH STATEMENT EXECUTE FUNCTION nodes_say_it_again();
