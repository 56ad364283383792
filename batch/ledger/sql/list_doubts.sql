-- Submissions in doubt, each with the attempt that left it so. $1 target, $2 after this id, $3 how
-- many, $4 media or null
SELECT s.id, s.media_id, s.job_type, s.lease, s.attempts, s.config, s.user_data, s.config_key,
       s.campaign, s.reason, t.nonce, t.signed_at, t.begun_at, t.ended_at, t.replayed_at,
       t.message,
       ARRAY(SELECT DISTINCT r.job_id
               FROM attempts a
              CROSS JOIN LATERAL unnest(array_remove(
                    coalesce(a.extra_job_ids, '{}')
                    -- What an operator disowned.
                    || CASE WHEN a.submission_id = s.id AND a.closed_by IS NOT NULL
                            THEN a.job_id END, NULL)) AS r(job_id)
              WHERE a.nonce = t.nonce ORDER BY r.job_id) AS receipts,
       extract(epoch FROM now() - t.signed_at)::float8 AS age
  FROM submissions s JOIN attempts t ON t.submission_id = s.id AND t.lease = s.lease
 WHERE s.target_id = $1 AND s.state = 'in_doubt' AND s.id > $2
   AND ($4::text IS NULL OR s.media_id = $4)
 ORDER BY s.id
 LIMIT $3
