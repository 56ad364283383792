-- Hold a whole target, unless it is held. $1 target, $2 actor, $3 reason
-- Repeat: ask
INSERT INTO holds (target_id, scope, held_by, reason) VALUES ($1, 'target', $2, $3)
    ON CONFLICT (target_id) WHERE scope = 'target' AND released_at IS NULL DO NOTHING
RETURNING id
