-- A worker is dead and its journal is read in, even where the database had forgotten it.
-- $1 worker, $2 target
-- Repeat: harmless
INSERT INTO workers (id, target_id, host, pid, ended_at) VALUES ($1, $2, '-', 0, now())
    ON CONFLICT (id) DO UPDATE SET ended_at = now(), heartbeat_at = now()
