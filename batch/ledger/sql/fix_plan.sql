-- Fix what a run may send: the rows that are sendable now, by their ids. What is loaded, retried or
-- freed later is none of them. $1 target, $2 plan, $3 the hash that it was asked for by
INSERT INTO plans (id, target_id, hash, least_priority, ids)
SELECT $2, $1, $3, coalesce(min(s.priority), 32767),
       coalesce(range_agg(int8range(s.id, s.id, '[]')), '{}')
  FROM sendable s
 WHERE s.target_id = $1 AND s.state = 'pending'
