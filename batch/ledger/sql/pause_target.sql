-- A throttling answer pauses the account, for every worker; a longer pause is never cut short. Of one
-- that a clock set back has drawn out, what was left of it when it was last set is kept.
-- $1 target, $2 seconds
-- Repeat: harmless
WITH pause AS (
    SELECT id, greatest(CASE WHEN paused_until > now()
                             THEN least(paused_until - now(), pause_length) END,
                        make_interval(secs => $2::float8)) AS length
      FROM targets WHERE id = $1 FOR UPDATE
)
UPDATE targets t SET paused_until = now() + p.length, pause_length = p.length
  FROM pause p WHERE t.id = p.id
