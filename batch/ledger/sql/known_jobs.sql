-- Which of these JobIds the ledger holds already, as a submission's or as a receipt. $1 JobIds,
-- $2 nonces: a further JobId in the answer to one of these requests is still to be given to its type, and
-- one that an operator disowned may be found to be its own after all
SELECT job_id FROM submissions WHERE job_id = ANY ($1::text[])
UNION
SELECT job_id FROM attempts
 WHERE job_id = ANY ($1::text[]) AND (closed_by IS NULL OR nonce <> ALL ($2::text[]))
UNION
SELECT x.job_id FROM attempts t CROSS JOIN LATERAL unnest(t.extra_job_ids) AS x(job_id)
 WHERE t.extra_job_ids IS NOT NULL AND x.job_id = ANY ($1::text[])
   AND t.nonce <> ALL ($2::text[])
