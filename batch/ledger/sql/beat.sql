-- I am alive. The first beat makes the worker's row; a later one makes it again where a failover or a
-- restore forgot it. $1 worker, $2 target, $3 host, $4 pid
-- Repeat: harmless
INSERT INTO workers (id, target_id, host, pid) VALUES ($1, $2, $3, $4)
    ON CONFLICT (id) DO UPDATE SET heartbeat_at = now()
