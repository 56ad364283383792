-- Submissions in doubt, each with the attempt that left it so. $1 target, $2 after this id, $3 how
-- many, $4 media or null
SELECT s.id, s.media_id, s.job_type, s.lease, s.attempts, s.config, s.user_data, s.config_key,
       s.campaign, s.reason, t.nonce, t.signed_at, t.ended_at, t.replayed_at,
       t.message, t.access_key_id, t.outcome = 'refused' AS was_refused,
       ARRAY(SELECT DISTINCT r.job_id
               FROM attempts a
              CROSS JOIN LATERAL unnest(array_remove(
                    coalesce(a.extra_job_ids, '{}')
                    -- What an operator disowned.
                    || CASE WHEN a.submission_id = s.id AND a.closed_by IS NOT NULL
                            THEN a.job_id END, NULL)) AS r(job_id)
              WHERE a.nonce = t.nonce ORDER BY r.job_id) AS receipts,
       -- Other requests for the same media and type whose outcome is not known either, of any row.
       ARRAY(SELECT a.signed_at
               FROM submissions o JOIN attempts a ON a.submission_id = o.id
              WHERE o.target_id = s.target_id AND o.media_id = s.media_id
                AND o.job_type = s.job_type AND a.nonce <> t.nonce
                AND a.job_id IS NULL AND a.absent_at IS NULL
                AND (a.outcome IS NULL OR a.outcome = 'in_doubt')) AS rivals,
       extract(epoch FROM now() - t.signed_at)::float8 AS age
  FROM submissions s JOIN attempts t ON t.submission_id = s.id AND t.lease = s.lease
 WHERE s.target_id = $1 AND s.state = 'in_doubt' AND s.id > $2
   AND ($4::text IS NULL OR s.media_id = $4)
 ORDER BY s.id
 LIMIT $3
