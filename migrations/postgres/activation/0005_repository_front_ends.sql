-- Who works under which master key. Programs under different ones cannot read what the others have
-- sealed, and do not count for each other.

-- Orders are placed anew when their readers ask again, and workers say again that they are there.
DELETE FROM repository_orders;
DELETE FROM repository_workers;

ALTER TABLE repository_orders ADD COLUMN key_name BYTEA NOT NULL DEFAULT '';
ALTER TABLE repository_workers ADD COLUMN key_name BYTEA NOT NULL DEFAULT '';

-- Hosts that have said lately that they have their repositories made by workers.
CREATE TABLE repository_front_ends (
    front_end     BYTEA   NOT NULL PRIMARY KEY,
    key_name      BYTEA   NOT NULL,
    present_until BIGINT  NOT NULL
);
