-- What is held now, the newest first; rows counts what would be sent otherwise. $1 target
WITH waiting AS MATERIALIZED (
    SELECT c.batch_id, c.hold_id, sum(c.n)::bigint AS n
      FROM current_tallies c
     WHERE c.target_id = $1 AND c.state = 'pending'
     GROUP BY c.batch_id, c.hold_id
)
SELECT h.id, h.scope, h.batch_id, h.held_at, h.held_by, h.reason, r.n AS rows
  FROM holds h
  CROSS JOIN LATERAL (
       SELECT coalesce(sum(w.n), 0)::bigint AS n
         FROM waiting w
        WHERE CASE h.scope WHEN 'target' THEN true
                           WHEN 'batch' THEN w.batch_id = h.batch_id
                           ELSE w.hold_id = h.id END) r
 WHERE h.target_id = $1 AND h.released_at IS NULL AND (h.scope <> 'rows' OR r.n > 0)
 ORDER BY h.id DESC
