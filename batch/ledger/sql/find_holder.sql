-- Who holds the night's lock: the newest night that has not ended. $1 target
SELECT id, host, pid, started_at FROM runs
 WHERE target_id = $1 AND kind = 'nightly' AND ended_at IS NULL
 ORDER BY started_at DESC
 LIMIT 1
