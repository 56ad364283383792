-- A throttling answer pauses the account, for every worker; a longer pause is never cut short.
-- $1 target, $2 seconds
UPDATE targets
   SET paused_until = greatest(paused_until, now() + make_interval(secs => $2::float8))
 WHERE id = $1
