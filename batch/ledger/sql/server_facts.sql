-- Which server this is, and who we are there.
SELECT current_setting('server_version_num')::int AS version_num,
       current_setting('server_version') AS version,
       current_user::text AS role,
       current_database()::text AS database,
       (SELECT oid FROM pg_database WHERE datname = current_database()) AS database_id,
       pg_postmaster_start_time() AS server_started_at,
       pg_backend_pid() AS backend,
       current_setting('transaction_read_only')::bool AS is_read_only,
       -- What a session gets that does not say otherwise, as ours do (enter.sql).
       (SELECT reset_val FROM pg_settings WHERE name = 'synchronous_commit') AS commits,
       has_schema_privilege('public', 'USAGE') AS may_enter,
       clock_timestamp() AS now
