-- The types of what is in line to be sent; a type that nobody waits for is not walked for. $1 target
SELECT c.job_type FROM current_tallies c
 WHERE c.target_id = $1 AND c.state = 'pending'
 GROUP BY c.job_type
HAVING sum(c.n) > 0
   AND EXISTS (SELECT FROM in_line s
                WHERE s.target_id = $1 AND s.state = 'pending' AND s.job_type = c.job_type
               OFFSET 0)
 ORDER BY c.job_type
