-- I am alive. $1 worker
UPDATE workers SET heartbeat_at = now() WHERE id = $1
