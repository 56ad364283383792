-- Which of these JobIds the ledger has already, as a submission's or as a receipt. $1 JobIds,
-- $2 nonces: a further JobId in the answer to one of these requests is still to be given to its type, and
-- one that an operator disowned may be found to be its own after all · $3 the media that they are
-- listed for, or null
--
-- What an answer named beside another media's job is nobody's yet, so it is not known. What is known of
-- another media, or only as the further JobId of another request, may have been given to the wrong one:
-- is_contested.
WITH known AS (
    SELECT s.job_id, s.media_id <> $3::text AS is_contested
      FROM submissions s
     WHERE s.job_id = ANY ($1::text[])
     UNION ALL
    SELECT t.job_id, s.media_id <> $3::text
      FROM attempts t JOIN submissions s ON s.id = t.submission_id
     WHERE t.job_id = ANY ($1::text[]) AND (t.closed_by IS NULL OR t.nonce <> ALL ($2::text[]))
     UNION ALL
    SELECT x.job_id, $3::text IS NOT NULL
      FROM attempts t JOIN submissions s ON s.id = t.submission_id
     CROSS JOIN LATERAL unnest(t.extra_job_ids) AS x(job_id)
     WHERE t.extra_job_ids IS NOT NULL AND x.job_id = ANY ($1::text[])
       AND t.nonce <> ALL ($2::text[])
       AND ($3::text IS NULL OR s.media_id = $3::text)
)
SELECT job_id, coalesce(bool_and(is_contested), false) AS is_contested
  FROM known GROUP BY job_id
