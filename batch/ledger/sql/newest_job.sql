-- The newest job of a type that the ledger knows: what a look-up that works must show.
-- $1 target, $2 type
SELECT s.job_id, s.media_id, s.submitted_at
  FROM submissions s
 WHERE s.target_id = $1 AND s.job_type = $2 AND s.job_id IS NOT NULL
 ORDER BY s.submitted_at DESC
 LIMIT 1
