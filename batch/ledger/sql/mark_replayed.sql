-- Commit, before it is sent, that a request is sent once more. $1 nonce
UPDATE attempts SET replayed_at = now() WHERE nonce = $1 AND replayed_at IS NULL RETURNING lease
