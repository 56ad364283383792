-- $1 target
SELECT state, count(*) AS n FROM submissions WHERE target_id = $1 GROUP BY state
