-- The types of what a run would send. $1 target, $2 all types
SELECT job_type FROM current_tallies
 WHERE target_id = $1 AND job_type = ANY ($2::text[]) AND state = 'pending'
 GROUP BY job_type
HAVING sum(n) > 0
 ORDER BY job_type
