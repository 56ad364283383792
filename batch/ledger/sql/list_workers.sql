-- Workers that hold something or are alive. $1 target, $2 seconds of silence that mean dead
SELECT w.id, w.host, w.pid, w.started_at, w.heartbeat_at,
       w.heartbeat_at >= now() - make_interval(secs => $2::float8) AS alive,
       (SELECT count(*) FROM submissions s
         WHERE s.worker_id = w.id AND s.state = 'submitting') AS holds
  FROM workers w
 WHERE w.target_id = $1 AND w.ended_at IS NULL
   AND (w.heartbeat_at >= now() - make_interval(secs => $2::float8)
        OR EXISTS (SELECT FROM submissions s
                    WHERE s.worker_id = w.id AND s.state = 'submitting'))
 ORDER BY w.started_at
