-- Hold what is still to be sent, row by row; what is held already stays as it was.
-- $1 to $7 what is selected · $8 actor, $9 reason
WITH chosen AS MATERIALIZED (
    SELECT s.id
      FROM submissions s
     WHERE selected(s, $1, $2, $3, $4, $5, $6, $7)
       AND s.state = 'pending' AND s.hold_id IS NULL
     ORDER BY s.id
       FOR UPDATE OF s
),
made AS (
    INSERT INTO holds (target_id, scope, held_by, reason)
    SELECT $1, 'rows', $8, $9 WHERE EXISTS (SELECT FROM chosen)
    RETURNING id
),
listed AS (
    INSERT INTO hold_rows (submission_id, hold_id)
    SELECT c.id, m.id FROM chosen c CROSS JOIN made m
),
held AS (
    UPDATE submissions s SET hold_id = m.id
      FROM chosen c CROSS JOIN made m
     WHERE s.id = c.id
    RETURNING s.id
)
SELECT count(*) AS n FROM held
