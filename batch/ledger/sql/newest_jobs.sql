-- The newest jobs of a type that the cloud named in answer to their own request, and not by a
-- look-up: what a look-up that works must show. OFFSET 0 keeps the request a look-up for each job, the
-- newest first. $1 target, $2 type, $3 how many
SELECT s.job_id, s.media_id, t.signed_at
  FROM submissions s
 CROSS JOIN LATERAL (
       SELECT a.signed_at FROM attempts a
        WHERE a.submission_id = s.id AND a.lease = s.lease
          AND a.job_id = s.job_id AND a.outcome = 'accepted'
       OFFSET 0) t
 WHERE s.target_id = $1 AND s.job_type = $2 AND s.submitted_at IS NOT NULL
 ORDER BY s.submitted_at DESC
 LIMIT $3
