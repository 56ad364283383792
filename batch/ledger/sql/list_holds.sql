-- What is held now, the newest first; rows counts what would be sent otherwise. $1 target
SELECT h.id, h.scope, h.batch_id, h.held_at, h.held_by, h.reason, r.n AS rows
  FROM holds h
  CROSS JOIN LATERAL (
       SELECT CASE h.scope
              WHEN 'target' THEN (SELECT count(*) FROM submissions s
                                   WHERE s.target_id = $1 AND s.state = 'pending')
              WHEN 'batch' THEN (SELECT count(*) FROM submissions s
                                  WHERE s.target_id = $1 AND s.batch_id = h.batch_id
                                    AND s.state = 'pending')
              ELSE (SELECT count(*) FROM submissions s
                     WHERE s.hold_id = h.id AND s.state = 'pending')
              END AS n) r
 WHERE h.target_id = $1 AND h.released_at IS NULL AND (h.scope <> 'rows' OR r.n > 0)
 ORDER BY h.id DESC
