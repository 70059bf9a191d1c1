-- The role that measures: run once, on the writer; it replicates to every member.
-- It opens a connection and calls aurora_version(); it needs no rights on your data.
-- While an endpoint is silent a prober holds up to 40 connections to it, and while another takes over there are a few
-- more. Beyond the limit it cannot try, and says so: that is never told as downtime.
CREATE ROLE aurora_probe LOGIN CONNECTION LIMIT 50;
GRANT pg_monitor TO aurora_probe; -- for checks of what would make zero-downtime patching drop connections

-- Either IAM authentication (PROBE_AUTH=iam; each member needs IAMDatabaseAuthenticationEnabled):
GRANT rds_iam TO aurora_probe;

-- or a password (PROBE_PASSWORD). Not both: rds_iam takes precedence over a password.
-- \password aurora_probe
