-- What another licensor lets a center's licensor grant.

ALTER TABLE titles ADD COLUMN delegation BYTEA; -- a signed license; none: the center's licensor grants on its own
