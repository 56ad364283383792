-- The newest jobs of a type that the cloud told us of in answer to their own request, and not by a
-- look-up: what a look-up that works must show. $1 target, $2 type, $3 how many
SELECT s.job_id, s.media_id, t.signed_at
  FROM submissions s
  JOIN attempts t ON t.submission_id = s.id AND t.lease = s.lease
 WHERE s.target_id = $1 AND s.job_type = $2 AND s.job_id IS NOT NULL
   AND t.job_id = s.job_id AND t.outcome = 'accepted'
 ORDER BY s.submitted_at DESC
 LIMIT $3
