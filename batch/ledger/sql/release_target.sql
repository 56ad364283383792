-- End the hold of a whole target; batches and rows that are held on their own stay so.
-- $1 target, $2 actor, $3 reason
-- Repeat: ask
UPDATE holds
   SET released_at = now(), released_by = $2, release_reason = $3
 WHERE target_id = $1 AND scope = 'target' AND released_at IS NULL
RETURNING id
