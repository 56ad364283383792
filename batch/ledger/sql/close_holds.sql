-- Holds of rows end with their last row. $1 target, $2 actor, $3 reason
-- Repeat: harmless
UPDATE holds h
   SET released_at = now(), released_by = $2, release_reason = $3
 WHERE h.target_id = $1 AND h.scope = 'rows' AND h.released_at IS NULL
   AND NOT EXISTS (SELECT FROM submissions s WHERE s.hold_id = h.id)
