-- Take a held batch's rows out of the index that begin.sql walks. $1 target, $2 batch
WITH hold AS MATERIALIZED (
    SELECT id FROM holds
     WHERE target_id = $1 AND scope = 'batch' AND batch_id = $2 AND released_at IS NULL
       FOR SHARE
),
chosen AS MATERIALIZED (
    SELECT s.id, hold.id AS hold_id
      FROM submissions s CROSS JOIN hold
     WHERE s.target_id = $1 AND s.batch_id = $2 AND (s.state = 'pending') IS TRUE
       AND s.hold_id IS NULL
     ORDER BY s.id
       FOR UPDATE OF s
)
UPDATE submissions s SET hold_id = c.hold_id
  FROM chosen c
 WHERE s.id = c.id
