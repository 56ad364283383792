-- End the hold of a batch; its rows are freed by free_batch.sql in the same transaction, whose
-- snapshot sees every row that was marked meanwhile. $1 target, $2 batch, $3 actor, $4 reason
-- A person who lets a batch go has judged its canary.
-- Repeat: ask
WITH judged AS (
    UPDATE batches SET canary = 'passed'
     WHERE target_id = $1 AND id = $2 AND canary IN ('open', 'failed') AND $3 <> 'canary'
)
UPDATE holds
   SET released_at = now(), released_by = $3, release_reason = $4
 WHERE target_id = $1 AND scope = 'batch' AND batch_id = $2 AND released_at IS NULL
RETURNING id
