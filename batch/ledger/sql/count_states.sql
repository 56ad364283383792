-- $1 target
SELECT state, sum(n)::bigint AS n FROM current_tallies
 WHERE target_id = $1
 GROUP BY state
HAVING sum(n) <> 0
