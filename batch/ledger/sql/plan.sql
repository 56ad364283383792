-- What is due, by type: rows, rows of unknown length, known seconds, and a sum that changes when any
-- row comes, goes or is begun. $1 target
SELECT s.job_type, count(*) AS rows, count(*) FILTER (WHERE m.duration_seconds IS NULL) AS unknown,
       coalesce(sum(m.duration_seconds), 0) AS seconds, max(m.duration_seconds) AS longest,
       sum(hashtextextended(s.id::text || ':' || s.lease::text, 0)::numeric) AS mark
  FROM submissions s
  LEFT JOIN media m ON m.target_id = s.target_id AND m.media_id = s.media_id
 WHERE s.target_id = $1 AND s.state = 'pending' AND s.hold_id IS NULL AND s.is_waiting IS NOT TRUE
   AND s.due_at <= now()
 GROUP BY s.job_type
 ORDER BY s.job_type
