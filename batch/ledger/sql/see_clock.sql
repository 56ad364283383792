-- By how many seconds, at least, the database's clock was set back: what it wrote when it was last
-- looked at lies ahead of it. Null or negative when it was not. $1 target
SELECT extract(epoch FROM greatest(
           t.next_slot_at - t.slots_lead - now(),
           t.cooldown_until - t.cooldown_length - now(),
           (SELECT max(w.heartbeat_at) FROM workers w WHERE w.target_id = t.id) - now())
       )::float8 AS set_back
  FROM targets t WHERE t.id = $1
