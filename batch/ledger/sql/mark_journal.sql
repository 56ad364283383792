-- $1 journal, $2 bytes read into this database
-- Repeat: harmless
INSERT INTO journals (id, applied_bytes) VALUES ($1, $2)
    ON CONFLICT (id) DO UPDATE SET applied_bytes = excluded.applied_bytes, applied_at = now()
