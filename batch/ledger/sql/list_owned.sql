-- Submissions whose job has not ended. $1 target, $2 media, $3 type, $4 error code, each null for any
SELECT s.id, s.media_id, s.job_type, s.campaign, s.job_id
  FROM submissions s
 WHERE s.target_id = $1 AND s.state = 'submitted'
   AND ($2::text IS NULL OR s.media_id = $2::text)
   AND ($3::text IS NULL OR s.job_type = $3::text)
   AND ($4::text IS NULL OR s.error_code = $4::text)
 ORDER BY s.id
