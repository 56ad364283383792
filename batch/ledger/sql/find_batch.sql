-- $1 target, $2 campaign, $3 sha256, $4 options
SELECT id, source, loaded_at FROM batches
 WHERE target_id = $1 AND campaign = $2 AND sha256 = $3 AND options = $4::jsonb
