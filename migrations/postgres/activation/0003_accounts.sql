-- Wrong passwords are counted by each host in memory, and an account is found by its name alone.

DROP INDEX accounts_by_email;

ALTER TABLE accounts DROP COLUMN email;
ALTER TABLE accounts DROP COLUMN failures;
ALTER TABLE accounts DROP COLUMN failed_at;
