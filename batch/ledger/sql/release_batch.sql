-- End the hold of a batch and free its rows. $1 target, $2 batch, $3 actor, $4 reason
WITH ended AS (
    UPDATE holds
       SET released_at = now(), released_by = $3, release_reason = $4
     WHERE target_id = $1 AND scope = 'batch' AND batch_id = $2 AND released_at IS NULL
    RETURNING id
),
freed AS (
    UPDATE submissions s SET hold_id = NULL
      FROM ended e
     WHERE s.hold_id = e.id
)
SELECT id FROM ended
