-- Try again what ended without a result: it is due, or in doubt where no certain refusal came and a job
-- may exist (retry_way). A failed job is free (vod-api.md 1.6): its attempt is
-- closed, so that the next job is no duplicate charge. What belongs to a held batch stays held.
-- $1 to $7 what is selected · $8 actor, $9 reason
WITH chosen AS MATERIALIZED (
    SELECT s.id, s.state, s.job_id,
           CASE WHEN s.state = 'failed' THEN 'due' ELSE retry_way(s) END AS way
      FROM submissions s
     WHERE selected(s, $1, $2, $3, $4, $5, $6, $7)
       AND s.state IN ('failed', 'rejected', 'dead')
     ORDER BY s.id
       FOR UPDATE OF s
),
-- Locked, so that a hold that ends at the same time waits for these rows and frees them too.
held AS MATERIALIZED (
    SELECT h.id, h.batch_id FROM holds h
     WHERE h.target_id = $1 AND h.scope = 'batch' AND h.released_at IS NULL
       FOR SHARE
),
closed AS (
    UPDATE attempts t SET closed_by = $8
      FROM chosen c
     WHERE t.submission_id = c.id AND c.state = 'failed' AND t.job_id = c.job_id
),
moved AS (
    UPDATE submissions s
       SET state = CASE c.way WHEN 'doubt' THEN 'in_doubt' ELSE 'pending' END,
           actor = $8, reason = $9, due_at = to_timestamp(0), attempts = 0,
           job_id = NULL, submitted_at = NULL, finished_at = NULL, refusal_is_certain = NULL,
           polled_at = NULL, looked_up_at = NULL,
           priority = coalesce(s.set_back_from, s.priority), set_back_from = NULL,
           -- What was said last is what is known of the doubt.
           request_id = CASE c.way WHEN 'doubt' THEN s.request_id END,
           error_code = CASE c.way WHEN 'doubt' THEN s.error_code END,
           error_message = CASE c.way WHEN 'doubt' THEN s.error_message END,
           hold_id = (SELECT h.id FROM held h WHERE h.batch_id = s.batch_id)
      FROM chosen c
     WHERE s.id = c.id AND c.way <> 'waits'
    RETURNING s.id, s.state
)
SELECT count(*) FILTER (WHERE state = 'pending') AS due,
       count(*) FILTER (WHERE state = 'in_doubt') AS in_doubt
  FROM moved
