-- The types of what a run would send. $1 target, $2 all types
SELECT job_type
  FROM unnest($2::text[]) AS job_type
 WHERE EXISTS (SELECT FROM submissions AS s
                WHERE s.target_id = $1 AND s.job_type = job_type.job_type AND s.state = 'pending')
 ORDER BY job_type
