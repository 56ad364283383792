-- When each worker last sent a heartbeat. $1 target, $2 for how many seconds back
SELECT id, heartbeat_at FROM workers
 WHERE target_id = $1 AND heartbeat_at > now() - make_interval(secs => $2::float8)
