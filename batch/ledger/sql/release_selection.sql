-- Release the rows' own holds, whoever made them; rows of a held batch stay held with it.
-- $1 to $7 what is selected · $8 actor
-- Repeat: ask
WITH chosen AS MATERIALIZED (
    SELECT s.id, s.hold_id, s.state
      FROM submissions s
     WHERE selected(s, $1, $2, $3, $4, $5, $6, $7)
       AND s.hold_id IS NOT NULL
       AND NOT EXISTS (SELECT FROM holds h
                        WHERE h.target_id = $1 AND h.scope = 'batch' AND h.batch_id = s.batch_id
                          AND h.released_at IS NULL)
     ORDER BY s.id
       FOR UPDATE OF s
),
listed AS (
    UPDATE hold_rows r SET released_at = now(), released_by = $8
      FROM chosen c
     WHERE r.submission_id = c.id AND r.hold_id = c.hold_id AND r.released_at IS NULL
),
freed AS (
    UPDATE submissions s SET hold_id = NULL
      FROM chosen c
     WHERE s.id = c.id
    RETURNING s.state
)
SELECT count(*) AS n FROM freed WHERE state = 'pending'
