-- Put the rows of a batch whose hold has ended back into begin.sql's index. $1 target, $2 batch
-- Repeat: ask
UPDATE submissions s SET hold_id = NULL
  FROM holds h
 WHERE h.target_id = $1 AND h.scope = 'batch' AND h.batch_id = $2 AND h.released_at IS NOT NULL
   AND s.hold_id = h.id
