-- Let rows go again, whoever held them; those of a held batch stay with their batch.
-- $1 target, then what is selected, each null for any: $2 states, $3 code, $4 batch, $5 media,
-- $6 type, $7 campaign · $8 actor
-- Repeat: ask
WITH chosen AS MATERIALIZED (
    SELECT s.id, s.hold_id, s.state
      FROM submissions s
     WHERE s.target_id = $1
       AND ($2::text[] IS NULL OR s.state = ANY ($2::text[]))
       AND ($3::text IS NULL OR lower(s.error_code) = lower($3::text))
       AND ($4::bigint IS NULL OR s.batch_id = $4::bigint)
       AND ($5::text[] IS NULL OR s.media_id = ANY ($5::text[]))
       AND ($6::text IS NULL OR s.job_type = $6::text)
       AND ($7::text IS NULL OR s.campaign = $7::text)
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
