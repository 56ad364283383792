-- Of refused rows those that the same code refused before, and how many others of their type were given a
-- job since, up to so many. $1 submissions, $2 code, $3 how many
SELECT s.id, passed_since(s.target_id, s.job_type, refused.at, $3::int) AS passed
  FROM submissions s
 CROSS JOIN LATERAL (
       SELECT min(t.ended_at) AS at FROM attempts t
        WHERE t.submission_id = s.id AND t.lease < s.lease
          AND t.outcome = 'account_stopped' AND lower(t.code) = lower($2::text)) refused
 WHERE s.id = ANY ($1::bigint[]) AND refused.at IS NOT NULL
