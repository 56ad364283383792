-- Hold what is still to be sent, row by row; what is held already stays as it was.
-- $1 target, then what is selected, each null for any: $2 states, $3 code, $4 batch, $5 media,
-- $6 type, $7 campaign · $8 actor, $9 reason
-- Repeat: ask
WITH chosen AS MATERIALIZED (
    SELECT s.id
      FROM submissions s
     WHERE s.target_id = $1
       AND ($2::text[] IS NULL OR s.state = ANY ($2::text[]))
       AND ($3::text IS NULL OR lower(s.error_code) = lower($3::text))
       AND ($4::bigint IS NULL OR s.batch_id = $4::bigint)
       AND ($5::text[] IS NULL OR s.media_id = ANY ($5::text[]))
       AND ($6::text IS NULL OR s.job_type = $6::text)
       AND ($7::text IS NULL OR s.campaign = $7::text)
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
