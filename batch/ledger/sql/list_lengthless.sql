-- Walk on in the order of ids, not too far at a time, over what was sent at a price and has no length yet:
-- its media that are to be asked for, and the last row that was met. What the cloud did not know is asked
-- for once a week. $1 target, $2 behind this submission, $3 how far, $4 looked at since
WITH walked AS MATERIALIZED (
    SELECT s.id, s.target_id, s.media_id
      FROM submissions s
     WHERE s.target_id = $1 AND s.id > $2 AND s.seconds IS NULL AND s.price IS NOT NULL
       AND s.state IN ('in_doubt', 'submitted', 'succeeded')
     ORDER BY s.id
     LIMIT $3
)
SELECT ARRAY(SELECT DISTINCT w.media_id
               FROM walked w
              WHERE NOT EXISTS (SELECT FROM media m
                                 WHERE m.target_id = w.target_id AND m.media_id = w.media_id
                                   AND (m.duration_seconds IS NOT NULL OR m.checked_at >= $4
                                        OR m.status = 'NotFound'
                                           AND m.checked_at > now() - interval '7 days')
                                 OFFSET 0)) AS media,
       max(l.id) AS last
  FROM walked l
