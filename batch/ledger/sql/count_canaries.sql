-- How the canaries stand that nobody has judged yet. $1 target
SELECT b.id AS batch, b.source, count(*) AS size,
       count(*) FILTER (WHERE s.state = 'succeeded') AS succeeded,
       count(*) FILTER (WHERE s.state IN ('failed', 'rejected', 'dead', 'cancelled')) AS failed,
       count(*) FILTER (WHERE s.state = 'pending') AS unsent
  FROM batches b
  JOIN canaries c ON c.batch_id = b.id
  JOIN submissions s ON s.id = c.submission_id
 WHERE b.target_id = $1 AND b.canary = 'open'
 GROUP BY b.id
 ORDER BY b.id
