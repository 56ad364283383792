-- The doubts of a media are being looked at. $1 target, $2 media
-- Repeat: harmless
UPDATE submissions SET looked_up_at = clock_timestamp()
 WHERE target_id = $1 AND media_id = $2 AND state = 'in_doubt'
