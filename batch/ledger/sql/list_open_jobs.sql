-- Jobs to ask about, the longest unasked first; asked in the future means a clock that was set back.
-- $1 target, $2 how many, $3 asked before this time, $4 whether only canaries count
SELECT s.id, s.job_id
  FROM submissions s
 WHERE s.target_id = $1 AND s.state = 'submitted'
   AND (s.polled_at IS NULL OR s.polled_at < $3 OR s.polled_at > now())
   AND (NOT $4::boolean OR EXISTS (SELECT FROM canaries c WHERE c.submission_id = s.id))
 ORDER BY s.polled_at NULLS FIRST, s.id
 LIMIT $2
