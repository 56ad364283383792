-- What ListAIJob said of jobs. $1 ids, $2 JobIds, $3 'succeeded', 'failed' or null (still open),
-- $4 codes, $5 messages, $6 ended at (arrays) · $7 actor
-- Repeat: ask
UPDATE submissions s
   SET polled_at = now(),
       state = coalesce(e.verdict, s.state),
       actor = CASE WHEN e.verdict IS NULL THEN s.actor ELSE $7 END,
       reason = CASE WHEN e.verdict IS NULL THEN s.reason ELSE e.code END,
       error_code = e.code, error_message = e.message,
       finished_at = CASE WHEN e.verdict IS NOT NULL THEN coalesce(e.ended_at, now()) END
  FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[], $6::timestamptz[])
       AS e(id, job_id, verdict, code, message, ended_at)
 WHERE s.id = e.id AND s.job_id = e.job_id AND s.state = 'submitted'
RETURNING s.id, s.state
