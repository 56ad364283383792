-- Ends runs whose process ended without a word, at its last sign of life. $1 target, $2 seconds of
-- silence, $3 whether we have the lock of the night, $4 what is said of them, $5 exit code
-- Repeat: ask
UPDATE runs r
   SET ended_at = coalesce(life.last_at, r.started_at), stopped_by = $4, exit_code = $5
  FROM (SELECT o.id, max(w.heartbeat_at) AS last_at,
               coalesce(bool_or(w.ended_at IS NULL
                                AND w.heartbeat_at > now() - make_interval(secs => $2::float8)),
                        o.started_at > now() - make_interval(secs => $2::float8)) AS is_alive
          FROM runs o
          LEFT JOIN workers w ON w.target_id = o.target_id AND w.host = o.host AND w.pid = o.pid
                             AND w.heartbeat_at >= o.started_at
         WHERE o.target_id = $1 AND o.ended_at IS NULL
         GROUP BY o.id) life
 WHERE r.id = life.id AND CASE r.kind WHEN 'nightly' THEN $3 ELSE NOT life.is_alive END
RETURNING r.id
