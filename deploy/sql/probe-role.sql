-- The role that measures. Run ONE of the two blocks, once, on the writer: it replicates to every member.
-- The role connects and calls aurora_version(), so it needs no rights on your data. pg_monitor lets it see what sessions are doing,
-- for the forecast of what zero-downtime patching would drop; without it all else works, and the forecast says what is missing.
-- CONNECTION LIMIT: at most 50 new connections are on their way at a time (PROBE_HOT_RATE × PROBE_DEADLINE_SECONDS), and some
-- sessions are held (PROBE_HELD_SESSIONS). 80 leaves room for a second prober that takes over, and keeps the role from ever
-- taking the connections of your applications. Beyond it a try fails as trouble of the prober's own: that is never told as downtime.

-- 1. With a password (PROBE_AUTH=password, the default). psql asks for it and sends only its hash; it is PROBE_PASSWORD.
CREATE ROLE aurora_probe LOGIN CONNECTION LIMIT 80;
\password aurora_probe
GRANT pg_monitor TO aurora_probe;

-- 2. INSTEAD OF 1, with IAM authentication (PROBE_AUTH=iam): these three lines without their dashes. Each member needs
--    IAMDatabaseAuthenticationEnabled. Never grant rds_iam to a role that uses a password: it takes precedence, and the password fails.
-- CREATE ROLE aurora_probe LOGIN CONNECTION LIMIT 80;
-- GRANT rds_iam TO aurora_probe;
-- GRANT pg_monitor TO aurora_probe;
