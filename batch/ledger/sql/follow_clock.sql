-- The database's clock was set back: what waits for a time waits so much less, and nobody counts as alive
-- for longer than the silence allows. The slots by the time at which their row is ours: somebody may
-- just have moved them. $1 target, $2 seconds
-- Repeat: ask
WITH paced AS (
    UPDATE targets
       SET next_slot_at = least(next_slot_at, clock_timestamp() + slots_lead),
           cooldown_until = CASE WHEN cooldown_until > now()
                               THEN least(cooldown_until, now() + cooldown_length) END
     WHERE id = $1
),
alive AS (
    UPDATE workers SET heartbeat_at = now() WHERE target_id = $1 AND heartbeat_at > now()
)
UPDATE submissions SET due_at = due_at - make_interval(secs => $2::float8)
 WHERE target_id = $1 AND state = 'pending' AND due_at > now()
