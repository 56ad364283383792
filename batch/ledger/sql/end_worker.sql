-- $1 worker
-- Repeat: harmless
UPDATE workers SET ended_at = now(), heartbeat_at = now() WHERE id = $1
