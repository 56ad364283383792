-- Workers that were alive when a server was taken up and have sent no heartbeat since: each beats again
-- only after its journal is read into the server. $1 target, $2 the moment, $3 seconds of
-- silence that mean dead, $4 workers that need not be waited for
SELECT id, host FROM workers
 WHERE target_id = $1 AND ended_at IS NULL AND id <> ALL ($4::uuid[])
   AND heartbeat_at <= $2 AND heartbeat_at > $2 - make_interval(secs => $3::float8)
