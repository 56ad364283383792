-- How many pending submissions a hold keeps from being sent. $1 target
SELECT CASE
       WHEN NOT EXISTS (SELECT FROM holds WHERE target_id = $1 AND released_at IS NULL) THEN 0
       ELSE (SELECT count(*) FROM submissions s
              WHERE s.target_id = $1 AND s.state = 'pending'
                AND (s.hold_id IS NOT NULL
                     OR EXISTS (SELECT FROM holds h
                                 WHERE h.target_id = $1 AND h.scope = 'target'
                                   AND h.released_at IS NULL)
                     OR s.batch_id = ANY (ARRAY(SELECT h.batch_id FROM holds h
                                                 WHERE h.target_id = $1 AND h.scope = 'batch'
                                                   AND h.released_at IS NULL))))
       END AS n
