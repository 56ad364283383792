-- Hold a batch, unless it is held: begin.sql obeys from this commit on. $1 target, $2 batch, $3 actor,
-- $4 reason
-- Repeat: ask
INSERT INTO holds (target_id, scope, batch_id, held_by, reason)
SELECT $1, 'batch', b.id, $3, $4 FROM batches b WHERE b.id = $2 AND b.target_id = $1
    ON CONFLICT (target_id, batch_id) WHERE scope = 'batch' AND released_at IS NULL DO NOTHING
RETURNING id
