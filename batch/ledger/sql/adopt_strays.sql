-- What is to be sent although a JobId of it came late is not sent: the job is its job. An attempt that
-- an operator closed had its job tried again on purpose. $1 target, $2 actor
-- Repeat: ask
WITH stray AS MATERIALIZED (
    SELECT s.id, t.job_id, t.request_id,
           row_number() OVER (PARTITION BY s.id ORDER BY t.lease) AS of_submission,
           row_number() OVER (PARTITION BY t.job_id ORDER BY s.id) AS of_job
      FROM attempts t JOIN submissions s ON s.id = t.submission_id
     WHERE t.is_stray AND t.closed_by IS NULL
       AND s.target_id = $1 AND s.state = 'pending' AND s.is_waiting IS NOT TRUE
       AND NOT EXISTS (SELECT FROM submissions k WHERE k.job_id = t.job_id)
)
UPDATE submissions s
   SET state = 'submitted', actor = $2, reason = 'a late answer named its job',
       job_id = r.job_id, request_id = coalesce(r.request_id, s.request_id), submitted_at = now(),
       error_code = NULL, error_message = NULL
  FROM stray r
 WHERE s.id = r.id AND s.state = 'pending' AND r.of_submission = 1 AND r.of_job = 1
RETURNING s.id
