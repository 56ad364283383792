-- What submissions cost, by what decides a bill: seconds of a type at one price. $1 target, $2 run or null
SELECT s.currency, s.job_type, s.price,
       coalesce(sum(s.seconds) FILTER (WHERE s.state = 'succeeded'), 0) AS charged_seconds,
       count(*) FILTER (WHERE s.state = 'succeeded'
                          AND (s.seconds IS NULL OR s.price IS NULL)) AS unknown,
       coalesce(sum(s.amount) FILTER (WHERE s.state IN ('submitting', 'in_doubt', 'submitted')), 0)
           AS reserved,
       count(*) FILTER (WHERE s.state IN ('submitting', 'in_doubt', 'submitted')
                          AND s.amount IS NULL) AS unbounded
  FROM submissions s
 WHERE s.target_id = $1 AND s.run_id IS NOT NULL AND ($2::uuid IS NULL OR s.run_id = $2::uuid)
   AND s.state IN ('submitting', 'in_doubt', 'submitted', 'succeeded')
 GROUP BY s.currency, s.job_type, s.price
 ORDER BY s.currency, s.job_type, s.price
