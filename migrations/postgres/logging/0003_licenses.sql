-- The license of the copy that a download made, where there is one: what the buyer was granted.
-- Like everything personal it is encrypted under the person's own key.
ALTER TABLE downloads ADD COLUMN license BYTEA; -- encrypted XML
