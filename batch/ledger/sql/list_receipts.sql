-- Submissions with more than one JobId: each further one is a duplicate charge, unless an
-- operator asked for it: a retry closes the attempt whose job failed, which is free. The one JobId that
-- an answer in doubt named is a doubt's receipt, not a second charge. $1 target
WITH receipt AS (
    SELECT t.submission_id, j.job_id, t.lease, t.job_id IS NULL AS is_unplaced
      FROM (SELECT submission_id FROM attempts WHERE extra_job_ids IS NOT NULL
             UNION
            SELECT submission_id FROM attempts WHERE job_id IS NOT NULL AND lease > 1
             UNION
            SELECT submission_id FROM attempts WHERE is_stray) suspect
     -- A look-up for each of them, whatever the planner knows of the table.
     CROSS JOIN LATERAL (SELECT * FROM attempts a
                          WHERE a.submission_id = suspect.submission_id OFFSET 0) t
     CROSS JOIN LATERAL unnest(array_remove(
               CASE WHEN t.closed_by IS NULL THEN t.job_id END || coalesce(t.extra_job_ids, '{}'),
               NULL)) AS j(job_id)
)
SELECT s.id, s.media_id, s.job_type, s.state,
       array_agg(DISTINCT r.job_id ORDER BY r.job_id) AS job_ids
  FROM receipt r JOIN submissions s ON s.id = r.submission_id
 WHERE s.target_id = $1
   -- What the answer to a request in doubt named is a part of that doubt, as long as it is open, unless
   -- it is another submission's job.
   AND NOT (s.state = 'in_doubt' AND r.lease = s.lease AND r.is_unplaced
            AND NOT EXISTS (SELECT FROM submissions k
                             WHERE k.job_id = r.job_id AND k.target_id = $1 AND k.id <> s.id))
   -- The other type's job, which the answer to both did not name as such; another media's, which came
   -- in the wrong answer.
   AND NOT EXISTS (SELECT FROM submissions k
                    WHERE k.job_id = r.job_id AND k.id <> s.id
                      AND (k.media_id = s.media_id AND k.job_type <> s.job_type
                           OR k.media_id <> s.media_id AND s.state <> 'in_doubt')
                      AND s.job_id IS DISTINCT FROM r.job_id)
 GROUP BY s.id
HAVING count(DISTINCT r.job_id) > 1 OR (count(r.job_id) = 1 AND s.job_id IS NULL)
 ORDER BY s.id
