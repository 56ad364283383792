-- Remember whether this account refuses a repeated nonce. $1 target, $2 it does
-- Repeat: harmless
UPDATE targets SET replay_confirmed_at = CASE WHEN $2 THEN now() END WHERE id = $1
