-- Once nothing could be begun: what else would keep a worker waiting. Nobody waits for what is held.
-- $1 target, $2 the plan that the worker keeps to (fix_plan.sql), or null
SELECT (SELECT count(*) FROM submissions s
         WHERE s.target_id = $1 AND s.state = 'submitting') AS on_wire,
       CASE WHEN $2::uuid IS NULL THEN (
           SELECT extract(epoch FROM s.due_at - now())::float8
             FROM in_line s
            WHERE s.target_id = $1 AND (s.state = 'pending') IS NOT FALSE
            ORDER BY s.due_at
            LIMIT 1)
       ELSE (
           SELECT min(extract(epoch FROM s.due_at - now())::float8)
             FROM in_line s
            WHERE s.target_id = $1 AND s.state = 'pending'
              AND -(s.priority::integer) <= (SELECT -(p.least_priority::integer) FROM plans p
                                              WHERE p.id = $2)
              AND s.id <@ (SELECT p.ids FROM plans p WHERE p.id = $2))
       END AS due_in,
       (SELECT extract(epoch FROM t.cooldown_until - now())::float8 FROM targets t
         WHERE t.id = $1) AS cooldown_left
