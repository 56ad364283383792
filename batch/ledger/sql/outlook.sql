-- Once nothing could be begun: what else would keep a worker waiting. Nobody waits for what is held.
-- $1 target, $2 the plan that the worker keeps to (fix_plan.sql), or null
--
-- OFFSET 0 keeps what is asked of a row a look-up for that row: the first that is due next ends the walk.
WITH free AS MATERIALIZED (
    SELECT ARRAY(SELECT h.batch_id FROM holds h
                  WHERE h.target_id = $1 AND h.scope = 'batch' AND h.released_at IS NULL)
               AS held_batches
     WHERE NOT EXISTS (SELECT FROM holds h
                        WHERE h.target_id = $1 AND h.scope = 'target' AND h.released_at IS NULL)
)
SELECT (SELECT count(*) FROM submissions s
         WHERE s.target_id = $1 AND s.state = 'submitting') AS held,
       CASE WHEN $2::uuid IS NULL THEN (
           SELECT extract(epoch FROM s.due_at - now())::float8
             FROM submissions s
            WHERE s.target_id = $1 AND (s.state = 'pending') IS NOT FALSE AND s.hold_id IS NULL
              AND s.is_waiting IS NOT TRUE AND EXISTS (SELECT FROM free)
              AND s.batch_id <> ALL ((SELECT free.held_batches FROM free)::bigint[])
              AND NOT EXISTS (SELECT FROM submissions u
                               WHERE u.media_id = s.media_id AND u.job_type = s.job_type
                                 AND u.target_id = s.target_id AND u.state = 'in_doubt'
                               OFFSET 0)
            ORDER BY s.due_at
            LIMIT 1)
       ELSE (
           SELECT min(extract(epoch FROM s.due_at - now())::float8)
             FROM submissions s
            WHERE s.target_id = $1 AND s.state = 'pending' AND s.hold_id IS NULL
              AND s.is_waiting IS NOT TRUE AND EXISTS (SELECT FROM free)
              AND -(s.priority::integer) <= (SELECT -(p.least_priority::integer) FROM plans p
                                              WHERE p.id = $2)
              AND s.id <@ (SELECT p.ids FROM plans p WHERE p.id = $2)
              AND s.batch_id <> ALL ((SELECT free.held_batches FROM free)::bigint[])
              AND NOT EXISTS (SELECT FROM submissions u
                               WHERE u.media_id = s.media_id AND u.job_type = s.job_type
                                 AND u.target_id = s.target_id AND u.state = 'in_doubt'
                               OFFSET 0))
       END AS due_in,
       (SELECT extract(epoch FROM t.paused_until - now())::float8 FROM targets t
         WHERE t.id = $1) AS paused_for
