-- Take the next slots of the target's pace, by the database's clock; an idle time saves up nothing.
-- $1 target, $2 how many, $3 seconds between two
UPDATE targets
   SET next_slot_at = greatest(next_slot_at, clock_timestamp())
                      + make_interval(secs => $2::float8 * $3::float8)
 WHERE id = $1
RETURNING extract(epoch FROM next_slot_at - clock_timestamp())::float8
              - $2::float8 * $3::float8 AS first_in,
          extract(epoch FROM paused_until - clock_timestamp())::float8 AS paused_for
