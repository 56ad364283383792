-- Of these statuses, those that only failed: jobs or requests for so many media that carry one, and
-- none that succeeded. $1 target, $2 statuses in lower case, $3 how many media
SELECT lower(m.status) AS status
  FROM media m
  JOIN submissions s ON s.media_id = m.media_id AND s.target_id = m.target_id
 WHERE m.target_id = $1 AND lower(m.status) = ANY ($2::text[])
   AND s.state IN ('succeeded', 'failed', 'rejected')
 GROUP BY lower(m.status)
HAVING count(DISTINCT m.media_id) >= $3 AND NOT bool_or(s.state = 'succeeded')
