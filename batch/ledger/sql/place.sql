-- Which cluster this is, on which timeline, and how far its log is on its disk; a standby knows neither.
SELECT (SELECT system_identifier::text FROM pg_control_system()) AS system,
       CASE WHEN NOT pg_is_in_recovery()
            THEN ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint
            END AS timeline,
       CASE WHEN NOT pg_is_in_recovery()
            THEN (pg_current_wal_flush_lsn() - '0/0'::pg_lsn)::bigint END AS position
