-- The order of changes. Triggers on every table that a host may cache write into it, in the
-- transaction of the change itself, so that no program that changes a record can forget to.
--
-- Text compares byte by byte (COLLATE "C") throughout, as it does in SQLite.

-- Transactions commit in another order than they begin in. A number is therefore made of the
-- transaction's id (times 2^20) and the change's place in its transaction, so that everything
-- below the oldest transaction still running is settled: nothing will appear there any more.
CREATE TABLE change_log (
    number      BIGINT NOT NULL PRIMARY KEY,
    center      TEXT   COLLATE "C" NOT NULL,
    record      TEXT   COLLATE "C" NOT NULL
        CHECK (record IN ('title', 'retailer', 'center', 'content-key')),
    key         TEXT   COLLATE "C" NOT NULL,
    row_version BIGINT NOT NULL,
    at          BIGINT NOT NULL
        DEFAULT (floor(extract(epoch FROM clock_timestamp()) * 1000)::BIGINT)
);

CREATE INDEX change_log_at ON change_log (at);

-- The epoch names this history. It changes when the database is restored.
CREATE TABLE change_state (
    one            INTEGER PRIMARY KEY CHECK (one = 1),
    epoch          BIGINT NOT NULL,
    pruned_through BIGINT NOT NULL DEFAULT 0
);

INSERT INTO change_state (one, epoch)
VALUES (1, ('x' || substr(replace(gen_random_uuid()::TEXT, '-', ''), 17))::BIT(64)::BIGINT);

-- What readers may pass over for good.
CREATE VIEW settled_changes AS
SELECT number, center, record, key, row_version, at
FROM change_log
WHERE number < (pg_snapshot_xmin(pg_current_snapshot())::TEXT::BIGINT << 20);

-- Transaction ids start anew in another cluster and fall back when a backup is recovered; the
-- cluster's identity and timeline are therefore a part of the epoch. Where changes are visible but
-- not settled, a reader of the settled ones has not seen everything.
CREATE VIEW change_position AS
SELECT state.epoch
           # hashtextextended(control.system_identifier::TEXT || '/' || recovery.timeline_id::TEXT, 0)
           AS epoch,
       state.pruned_through + 1 AS oldest,
       COALESCE((SELECT MAX(number) FROM settled_changes), state.pruned_through) AS newest,
       CASE WHEN EXISTS (
           SELECT FROM change_log
           WHERE number >= pg_snapshot_xmin(pg_current_snapshot())::TEXT::BIGINT << 20
       ) THEN 1::BIGINT ELSE 0::BIGINT END AS unsettled,
       0::BIGINT AS dense
FROM change_state AS state, pg_control_system() AS control, pg_control_checkpoint() AS recovery;

-- For changes that cannot be listed one by one.
CREATE FUNCTION everything_changed() RETURNS VOID LANGUAGE SQL SET search_path FROM CURRENT AS $$
    UPDATE change_state
    SET epoch = ('x' || substr(replace(gen_random_uuid()::TEXT, '-', ''), 17))::BIT(64)::BIGINT;
$$;

CREATE FUNCTION table_emptied() RETURNS TRIGGER LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    PERFORM everything_changed();
    RETURN NULL;
END;
$$;

CREATE FUNCTION log_change(changed_center TEXT, changed_record TEXT, changed_key TEXT, version BIGINT)
RETURNS VOID LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    place BIGINT := COALESCE(NULLIF(current_setting('colophon.place', true), ''), '0')::BIGINT + 1;
BEGIN
    -- A transaction with more changes than fit below the next one's number changes the epoch.
    IF place < 1048576 THEN
        INSERT INTO change_log (number, center, record, key, row_version)
        VALUES ((pg_current_xact_id()::TEXT::BIGINT << 20) + place,
                changed_center, changed_record, changed_key, version);
    ELSIF place = 1048576 THEN
        PERFORM everything_changed();
    ELSE
        RETURN;
    END IF;
    -- Gone at the end of the transaction, and back to its former value after a savepoint's.
    PERFORM set_config('colophon.place', place::TEXT, true);
END;
$$;

CREATE FUNCTION next_row_version() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    NEW.row_version := OLD.row_version + 1;
    RETURN NEW;
END;
$$;
