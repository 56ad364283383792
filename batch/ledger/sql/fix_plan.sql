-- Fix what a run may send: the rows that are due now (plan.sql), by their ids. What is loaded, retried or
-- freed later is none of them. $1 target, $2 plan, $3 the hash that it was asked for by
-- Repeat: ask
INSERT INTO plans (id, target_id, hash, least_priority, ids)
SELECT $2, $1, $3, coalesce(min(s.priority), 32767),
       coalesce(range_agg(int8range(s.id, s.id, '[]')), '{}')
  FROM submissions s
 WHERE s.target_id = $1 AND s.state = 'pending' AND s.hold_id IS NULL
   AND s.due_at <= now()
   AND NOT EXISTS (SELECT FROM holds h
                    WHERE h.target_id = $1 AND h.scope = 'target' AND h.released_at IS NULL)
   AND s.batch_id <> ALL (ARRAY(SELECT h.batch_id FROM holds h
                                 WHERE h.target_id = $1 AND h.scope = 'batch'
                                   AND h.released_at IS NULL))
