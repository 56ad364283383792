-- A page of the export: one row a submission, in manifest order, which the ids follow. $1 target, $2 states
-- or null, $3 batch or null, $4 after this submission, $5 how many
SELECT s.id, s.batch_id AS batch, b.source, s.line, s.media_id, s.job_type AS type, s.state AS status,
       s.job_id, s.request_id, s.attempts, s.error_code, s.error_message, s.submitted_at,
       s.finished_at, s.campaign, s.config, s.user_data,
       -- Its share of the bill, which charges whole minutes of all media together.
       round(CASE s.state WHEN 'succeeded' THEN s.seconds * s.price / 60
                          WHEN 'failed' THEN 0 WHEN 'rejected' THEN 0 WHEN 'dead' THEN 0
                          WHEN 'cancelled' THEN 0 END,
             greatest(2, scale(trim_scale(s.price))))::text AS cost, s.currency
  FROM submissions s
 CROSS JOIN LATERAL (SELECT l.source FROM batches l WHERE l.id = s.batch_id OFFSET 0) b
 -- coalesce: by any index but that of the ids, each page would read and sort all that is left.
 WHERE s.id > $4 AND coalesce(selected(s, $1, $2, NULL, $3, NULL, NULL, NULL), false)
 ORDER BY s.id
 LIMIT $5
