-- Rows are set aside for more than one reason, and some of them come back.

ALTER TABLE dead_letters ADD COLUMN reason TEXT NOT NULL DEFAULT 'unreadable'
    CHECK (reason IN ('unreadable', 'too-large', 'refused'));
