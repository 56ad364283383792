-- A page of the export: one row a submission, in manifest order, which the ids follow. $1 target, $2 state
-- or null, $3 batch or null, $4 after this submission, $5 how many
SELECT s.id, s.batch_id AS batch, b.source, s.line, s.media_id, s.job_type AS type, s.state AS status,
       s.job_id, s.request_id, s.attempts, s.error_code, s.error_message, s.submitted_at,
       s.finished_at, s.campaign, s.config, s.user_data,
       -- Its share of the bill, which charges whole minutes of all media together.
       CASE s.state WHEN 'succeeded' THEN trim_scale(round(s.seconds * s.price / 60, 6))::text
                    WHEN 'failed' THEN '0' WHEN 'rejected' THEN '0' WHEN 'dead' THEN '0'
                    WHEN 'cancelled' THEN '0' END AS cost, s.currency
  FROM submissions s JOIN batches b ON b.id = s.batch_id
 WHERE s.target_id = $1 AND ($2::text IS NULL OR s.state = $2)
   AND ($3::bigint IS NULL OR s.batch_id = $3)
   AND s.id > $4
 ORDER BY s.id
 LIMIT $5
