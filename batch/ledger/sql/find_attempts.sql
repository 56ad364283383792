-- What this database knows of the requests that a journal names. $1 nonces
SELECT t.nonce, s.job_type, t.submission_id, t.lease, t.outcome,
       array_remove(t.job_id || coalesce(t.extra_job_ids, '{}'), NULL) AS job_ids
  FROM attempts t JOIN submissions s ON s.id = t.submission_id
 WHERE t.nonce = ANY ($1::text[])
