-- How many submissions a selection holds, by what decides about an operator's word.
-- $1 to $7 what is selected
SELECT s.state, s.job_type, s.batch_id, s.hold_id IS NOT NULL AS is_held,
       s.batch_id = ANY (ARRAY(SELECT h.batch_id FROM holds h
                                WHERE h.target_id = $1 AND h.scope = 'batch'
                                  AND h.released_at IS NULL)) AS batch_is_held,
       CASE WHEN s.state IN ('rejected', 'dead') THEN retry_way(s) END AS retry_way,
       count(*) AS n
  FROM submissions s
 WHERE selected(s, $1, $2, $3, $4, $5, $6, $7)
 GROUP BY 1, 2, 3, 4, 5, 6
 ORDER BY s.batch_id, s.state, s.job_type
