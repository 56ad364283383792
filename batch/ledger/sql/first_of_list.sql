-- The first rows of a list and type that wait to be sent, as far as they are near the front: a list is
-- asked about when it is met there, and nobody walks through all that lies behind it. $1 target,
-- $2 batch, $3 type, $4 how many, $5 how far to walk
SELECT s.id, s.state, s.batch_id, s.media_id, s.job_type, s.config, s.campaign, s.priority,
       EXISTS (SELECT FROM job_looks l
                WHERE l.target_id = s.target_id AND l.media_id = s.media_id
                  AND l.holds_until > now()) AS is_looked_at,
       EXISTS (SELECT FROM attempts t
                WHERE t.submission_id = s.id AND t.outcome IN ('accepted', 'in_doubt', 'refused'))
           AS was_sent
  FROM (SELECT p.* FROM submissions p
         WHERE p.target_id = $1 AND p.state = 'pending' AND p.hold_id IS NULL
         ORDER BY -(p.priority::integer), p.id
         LIMIT $5) s
 WHERE s.batch_id = $2 AND s.job_type = $3
 ORDER BY s.priority DESC, s.id
 LIMIT $4
