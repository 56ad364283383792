-- Keep prices and budgets for runs that are not told any. $1 target, $2 facts (JSON)
-- Repeat: harmless
UPDATE targets SET terms = $2::jsonb WHERE id = $1 AND terms IS DISTINCT FROM $2::jsonb
