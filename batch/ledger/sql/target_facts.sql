-- $1 target
SELECT replay_confirmed_at FROM targets WHERE id = $1
