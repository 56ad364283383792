-- $1 target, $2 batch
SELECT id FROM batches WHERE target_id = $1 AND id = $2
