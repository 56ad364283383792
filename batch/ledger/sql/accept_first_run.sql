-- $1 target, $2 who says so
-- Repeat: harmless
UPDATE targets SET first_run_accepted_at = now(), first_run_accepted_by = $2 WHERE id = $1
