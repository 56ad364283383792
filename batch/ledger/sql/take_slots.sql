-- Take the next slots of the target's pace, by the database's clock; an idle time saves up nothing.
--
-- Of what was handed out, no more can be ahead than when the slots were last moved: time that passed
-- has only made that less. So much is kept where the clock was set back, and nobody waits until it has
-- caught up; and where it was set forward, or slots already handed out would be handed out again.
-- $1 target, $2 how many, $3 seconds between two, $4 the latest time that it can be unless the clock
-- was set forward (epoch, seconds), or null; $5 how far ahead the first one is at least, in seconds:
-- an answer that takes its time must not come after its slots
-- Repeat: harmless
WITH before AS MATERIALIZED (
    SELECT id, next_slot_at, slots_lead, cooldown_until, cooldown_length
      FROM targets WHERE id = $1 FOR UPDATE
),
-- Read once the row is ours: who had it before us is not ahead of this time.
clock AS MATERIALIZED (
    SELECT b.*, clock_timestamp() AS at FROM before b
),
ahead AS (
    SELECT id, at,
           greatest(CASE WHEN at > to_timestamp($4::float8) THEN slots_lead
                         ELSE least(next_slot_at - at, slots_lead) END,
                    make_interval(secs => $5::float8)) AS slots,
           CASE WHEN cooldown_until > at THEN least(cooldown_until - at, cooldown_length) END AS cooldown,
           greatest(next_slot_at - at - slots_lead, cooldown_until - at - cooldown_length) AS set_back
      FROM clock
)
UPDATE targets t
   SET next_slot_at = a.at + a.slots + make_interval(secs => $2::float8 * $3::float8),
       slots_lead = a.slots + make_interval(secs => $2::float8 * $3::float8)
  FROM ahead a
 WHERE t.id = a.id
RETURNING extract(epoch FROM a.slots)::float8 AS first_in,
          extract(epoch FROM a.cooldown)::float8 AS cooldown_left,
          extract(epoch FROM a.at)::float8 AS at,
          extract(epoch FROM a.set_back)::float8 AS set_back
