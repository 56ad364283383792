-- Ends sessions of ours whose process was stopped in the middle of a question (SIGSTOP, a laptop that
-- sleeps): the server waits for the rest of it and counts that as at work, so that the time a session may
-- be idle in a transaction never begins, and what it has locked is kept from everybody. A COPY waits for
-- its rows in the same way, and is none of these. $1 for how many seconds at least
SELECT pid, pg_terminate_backend(pid) AS is_ended
  FROM pg_stat_activity
 WHERE datname = current_database() AND usename = current_user
   AND application_name = 'vod-batch' AND pid <> pg_backend_pid()
   AND state = 'active' AND wait_event_type = 'Client' AND wait_event = 'ClientRead'
   AND query NOT ILIKE 'copy %'
   AND state_change < clock_timestamp() - make_interval(secs => $1::float8)
