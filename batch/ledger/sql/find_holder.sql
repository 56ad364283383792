-- The night that has a target's lock: its session is named after its run, so a night that was killed
-- is never taken for it. $1 class of the lock, $2 target, $3 what the names begin with
SELECT runs.id, runs.host, runs.pid, runs.started_at
  FROM pg_locks
  JOIN pg_database ON pg_database.oid = pg_locks.database
  JOIN pg_stat_activity ON pg_stat_activity.pid = pg_locks.pid
  JOIN runs ON pg_stat_activity.application_name = $3 || runs.id
 WHERE pg_locks.locktype = 'advisory' AND pg_locks.granted
   AND pg_locks.classid = $1::oid AND pg_locks.objid = $2::oid AND pg_locks.objsubid = 2
   AND pg_database.datname = current_database()
   AND runs.target_id = $2
