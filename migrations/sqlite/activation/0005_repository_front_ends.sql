-- Who works under which master key. Programs under different ones cannot read what the others have
-- sealed, and do not count for each other.

-- Orders are placed anew when their readers ask again, and workers say again that they are there.
DELETE FROM repository_orders;
DELETE FROM repository_workers;

ALTER TABLE repository_orders ADD COLUMN key_name BLOB NOT NULL DEFAULT x'';
ALTER TABLE repository_workers ADD COLUMN key_name BLOB NOT NULL DEFAULT x'';

-- Hosts that have said lately that they have their repositories made by workers.
CREATE TABLE repository_front_ends (
    front_end     BLOB    NOT NULL PRIMARY KEY,
    key_name      BLOB    NOT NULL,
    present_until INTEGER NOT NULL
) STRICT;
