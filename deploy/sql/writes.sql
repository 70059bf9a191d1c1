-- Only with `writes = true` in a rule of aurora.toml: the one table that the bot writes to, some 64 rows that are written again
-- and again while an upgrade is measured. Run it on the writer, in the database that PROBE_DBNAME names; it replicates to every
-- member. Without it the rest is measured all the same, and the thread says once what is missing.

CREATE TABLE aurora_upgrade_bot_beat (slot int PRIMARY KEY, at timestamptz NOT NULL);
GRANT SELECT, INSERT, UPDATE ON aurora_upgrade_bot_beat TO aurora_probe;
