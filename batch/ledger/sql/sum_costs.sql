-- What submissions cost, by what decides a bill: seconds of a type at one price. $1 target, $2 run or null
SELECT s.currency, s.job_type, s.price,
       coalesce(sum(s.seconds) FILTER (WHERE s.state = 'succeeded'), 0) AS charged_seconds,
       coalesce(sum(CASE WHEN s.price IS NULL THEN s.n ELSE s.lengthless END)
                    FILTER (WHERE s.state = 'succeeded'), 0)::bigint AS unknown,
       coalesce(sum(s.amount) FILTER (WHERE s.state <> 'succeeded'), 0) AS reserved,
       coalesce(sum(s.unbounded) FILTER (WHERE s.state <> 'succeeded'), 0)::bigint AS unbounded
  FROM current_tallies s
 WHERE s.target_id = $1 AND s.run_id IS NOT NULL AND ($2::uuid IS NULL OR s.run_id = $2::uuid)
   AND s.state IN ('submitting', 'in_doubt', 'submitted', 'succeeded')
 GROUP BY s.currency, s.job_type, s.price
HAVING sum(s.n) <> 0
 ORDER BY s.currency, s.job_type, s.price
