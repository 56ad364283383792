-- The requests of these submissions, in order. $1 submissions
SELECT t.submission_id, t.lease, t.begun_at, t.ended_at, t.signed_at, t.outcome, t.http_status,
       t.code, t.message, t.request_id, t.nonce, t.job_id,
       coalesce(t.extra_job_ids, '{}') AS extra_job_ids, t.replayed_at, t.closed_by
  FROM attempts t
 WHERE t.submission_id = ANY ($1::bigint[])
 ORDER BY t.submission_id, t.lease
