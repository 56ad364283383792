-- What is due, by type: rows, rows of unknown length, known seconds, a sum that changes when any row
-- comes, goes or is begun, and one that changes with any length. $1 target, $2 the plan whose rows alone
-- count (fix_plan.sql), or null
SELECT s.job_type, count(*) AS rows, count(*) FILTER (WHERE m.duration_seconds IS NULL) AS unknown,
       coalesce(sum(m.duration_seconds), 0) AS seconds, max(m.duration_seconds) AS longest,
       sum(hashtextextended(s.id::text || ':' || s.lease::text, 0)::numeric) AS mark,
       sum(hashtextextended(s.id::text || ':' || coalesce(m.duration_seconds::text, ''), 0)::numeric)
           AS length_mark
  FROM submissions s
  LEFT JOIN media m ON m.target_id = s.target_id AND m.media_id = s.media_id
 WHERE s.target_id = $1 AND s.state = 'pending' AND s.hold_id IS NULL AND s.is_waiting IS NOT TRUE
   AND s.due_at <= now()
   AND NOT EXISTS (SELECT FROM holds h
                    WHERE h.target_id = $1 AND h.scope = 'target' AND h.released_at IS NULL)
   AND s.batch_id <> ALL (ARRAY(SELECT h.batch_id FROM holds h
                                 WHERE h.target_id = $1 AND h.scope = 'batch'
                                   AND h.released_at IS NULL))
   AND ($2::uuid IS NULL OR s.id <@ (SELECT p.ids FROM plans p WHERE p.id = $2))
 GROUP BY s.job_type
 ORDER BY s.job_type
