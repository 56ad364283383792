-- $1 run, $2 target, $3 kind, $4 host, $5 pid, $6 settings
-- Repeat: ask
INSERT INTO runs (id, target_id, kind, host, pid, settings) VALUES ($1, $2, $3, $4, $5, $6::jsonb)
