-- After a throttling answer no worker begins anything for a while; a longer cooldown is never cut
-- short. Where the clock was set back, it ends no later than its own length from now.
-- $1 target, $2 seconds
-- Repeat: harmless
WITH cooldown AS (
    SELECT id, greatest(CASE WHEN cooldown_until > now()
                             THEN least(cooldown_until - now(), cooldown_length) END,
                        make_interval(secs => $2::float8)) AS length
      FROM targets WHERE id = $1 FOR UPDATE
)
UPDATE targets t SET cooldown_until = now() + c.length, cooldown_length = c.length
  FROM cooldown c WHERE t.id = c.id
