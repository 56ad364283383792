-- How many pending submissions a hold keeps from being sent. $1 target
SELECT coalesce(sum(c.n), 0)::bigint AS n
  FROM current_tallies c
 WHERE c.target_id = $1 AND c.state = 'pending'
   AND (c.hold_id IS NOT NULL
        OR EXISTS (SELECT FROM holds h
                    WHERE h.target_id = $1 AND h.scope = 'target' AND h.released_at IS NULL)
        OR c.batch_id = ANY (ARRAY(SELECT h.batch_id FROM holds h
                                    WHERE h.target_id = $1 AND h.scope = 'batch'
                                      AND h.released_at IS NULL)))
