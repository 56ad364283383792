-- What a session keeps that is ours alone, where the server has it and lets us.
--
-- The server notices a line that is dead as we do, so a lock does not outlive who held it, and a
-- statement not who asked for it. A lock's session may idle all night.
SELECT set_config(s.name, v.value, false)
  FROM (VALUES ('tcp_keepalives_idle', '15'), ('tcp_keepalives_interval', '5'),
               ('tcp_keepalives_count', '3'), ('tcp_user_timeout', '30000'),
               ('idle_session_timeout', '0'),
               ('client_connection_check_interval',
                CASE WHEN version() LIKE '%linux%' THEN '5000' END)) AS v(name, value)
  JOIN pg_settings s ON s.name = v.name
 WHERE s.context = 'user' AND v.value IS NOT NULL
