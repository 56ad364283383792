-- Keep what was learnt of the target's cloud. $1 target, $2 facts (JSON)
-- Repeat: ask
UPDATE targets SET learnt = $2::jsonb WHERE id = $1
