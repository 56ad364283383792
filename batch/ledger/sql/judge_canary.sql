-- $1 target, $2 batch, $3 'passed' or 'failed'
-- Repeat: harmless
UPDATE batches SET canary = $3 WHERE target_id = $1 AND id = $2 AND canary = 'open'
