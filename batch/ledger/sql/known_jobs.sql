-- Which of these JobIds the ledger holds already, as a submission's or as a receipt. $1 JobIds
SELECT job_id FROM submissions WHERE job_id = ANY ($1::text[])
UNION
SELECT job_id FROM attempts WHERE job_id = ANY ($1::text[])
UNION
SELECT x.job_id FROM attempts t CROSS JOIN LATERAL unnest(t.extra_job_ids) AS x(job_id)
 WHERE t.extra_job_ids IS NOT NULL AND x.job_id = ANY ($1::text[])
