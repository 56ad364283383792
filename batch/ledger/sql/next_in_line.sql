-- What a begin would take next, in sending order, and the rows that are asked for beside them, with
-- whether a look at their media holds. $1 target, $2 how many, $3 further submissions
WITH line AS MATERIALIZED (
    SELECT s.id
      FROM sendable s
     WHERE s.target_id = $1 AND s.state = 'pending'
     ORDER BY -(s.priority::integer), s.id
     LIMIT $2
)
SELECT s.id, s.state, s.batch_id, s.media_id, s.job_type, s.config, s.campaign, s.priority,
       EXISTS (SELECT FROM job_looks l
                WHERE l.target_id = s.target_id AND l.media_id = s.media_id
                  AND l.holds_until > now()) AS is_looked_at,
       EXISTS (SELECT FROM attempts t
                WHERE t.submission_id = s.id AND t.outcome IN ('accepted', 'in_doubt', 'refused'))
           AS was_sent
  FROM submissions s
 WHERE s.id = ANY (ARRAY(SELECT line.id FROM line) || $3::bigint[])
 ORDER BY s.priority DESC, s.id
