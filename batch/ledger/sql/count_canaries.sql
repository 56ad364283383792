-- How the canaries stand that nobody has judged yet. One that was set behind all others is left out as
-- soon as another of its batch has succeeded: it may be the only one that cannot be sent. $1 target
SELECT b.id AS batch, b.source, count(*) AS size,
       count(*) FILTER (WHERE s.state = 'succeeded') AS succeeded,
       count(*) FILTER (WHERE s.state IN ('failed', 'rejected', 'dead', 'cancelled')) AS failed,
       count(*) FILTER (WHERE s.state = 'pending') AS unsent
  FROM batches b
  JOIN canaries c ON c.batch_id = b.id
  JOIN submissions s ON s.id = c.submission_id
 WHERE b.target_id = $1 AND b.canary = 'open'
   AND (s.state <> 'pending' OR s.set_back_from IS NULL
        OR NOT EXISTS (SELECT FROM canaries d JOIN submissions k ON k.id = d.submission_id
                        WHERE d.batch_id = b.id AND k.state = 'succeeded'))
 GROUP BY b.id
 ORDER BY b.id
