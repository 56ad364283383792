-- $1 target, $2 run or null: the newest night that has ended, and said how
SELECT id, started_at, ended_at, stopped_by, exit_code, worst_second, facts::text AS facts
  FROM runs
 WHERE target_id = $1 AND kind = 'nightly' AND ended_at IS NOT NULL AND facts IS NOT NULL
   AND ($2::uuid IS NULL OR id = $2)
 ORDER BY started_at DESC
 LIMIT 1
