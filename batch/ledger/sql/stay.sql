-- What a session keeps that is ours alone, where the server has it and lets us.
-- $1 whether a statement is planned once a session and along an index, as a worker wants it (see
--    enter.sql), not for its values each time
--
-- The server notices a line that is dead as we do, so a lock does not outlive its owner, and a
-- statement not who asked for it. A lock's session may idle all night.
SELECT set_config(s.name, coalesce(v.value, s.reset_val), false)
  FROM (VALUES ('plan_cache_mode', CASE WHEN $1 THEN 'force_generic_plan' END),
               ('enable_bitmapscan', CASE WHEN $1 THEN 'off' END),
               ('tcp_keepalives_idle', '15'), ('tcp_keepalives_interval', '5'),
               ('tcp_keepalives_count', '3'), ('tcp_user_timeout', '30000'),
               ('idle_session_timeout', '0'),
               ('client_connection_check_interval',
                CASE WHEN version() LIKE '%linux%' THEN '5000' END)) AS v(name, value)
  JOIN pg_settings s ON s.name = v.name
 WHERE s.context = 'user'
