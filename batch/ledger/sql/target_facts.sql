-- $1 target
SELECT replay_confirmed_at, service FROM targets WHERE id = $1
