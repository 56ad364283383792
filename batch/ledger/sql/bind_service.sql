-- Remember what kind of server this target's calls go to, and say what was remembered.
-- $1 target, $2 'cloud' or 'stand-in'
-- Repeat: harmless
UPDATE targets SET service = coalesce(service, $2) WHERE id = $1 RETURNING service
