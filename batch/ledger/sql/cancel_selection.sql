-- Withdraw what is still to be sent, for good.
-- $1 to $7 what is selected · $8 actor, $9 reason
WITH chosen AS MATERIALIZED (
    SELECT s.id
      FROM submissions s
     WHERE selected(s, $1, $2, $3, $4, $5, $6, $7)
       AND s.state = 'pending' AND s.is_waiting IS NOT TRUE
     ORDER BY s.id
       FOR UPDATE OF s
),
moved AS (
    UPDATE submissions s
       SET state = 'cancelled', actor = $8, reason = $9, finished_at = now(), hold_id = NULL
      FROM chosen c
     WHERE s.id = c.id
    RETURNING s.id
)
SELECT count(*) AS n FROM moved
