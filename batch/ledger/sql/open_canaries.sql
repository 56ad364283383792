-- Choose the canary of every batch that no night has looked at: its first due submissions, which now
-- go before all others. A batch that is held is looked at once it is free. $1 target, $2 how many
-- Repeat: harmless
WITH fresh AS MATERIALIZED (
    SELECT b.id FROM batches b
     WHERE b.target_id = $1 AND b.canary IS NULL
       AND NOT EXISTS (SELECT FROM holds h
                        WHERE h.target_id = $1 AND h.released_at IS NULL
                          AND (h.scope = 'target' OR (h.scope = 'batch' AND h.batch_id = b.id)))
       FOR UPDATE
),
-- One more than the canary shows whether there is a rest to protect, due already or put off.
large AS MATERIALIZED (
    SELECT fresh.id FROM fresh
     WHERE (SELECT count(*) FROM (
                SELECT FROM submissions p
                 WHERE p.target_id = $1 AND p.batch_id = fresh.id
                   AND (p.state = 'pending') IS TRUE
                   AND p.hold_id IS NULL
                 ORDER BY -(p.priority::integer), p.id
                 LIMIT $2::int + 1) waiting) > $2::int
),
first AS MATERIALIZED (
    SELECT large.id AS batch_id, s.id
      FROM large CROSS JOIN LATERAL (
           SELECT p.id
             FROM submissions p
            WHERE p.target_id = $1 AND p.batch_id = large.id
              AND (p.state = 'pending') IS TRUE AND p.hold_id IS NULL AND p.due_at <= now()
            ORDER BY -(p.priority::integer), p.id
            LIMIT $2::int) s
),
-- A large batch of which nothing is due is looked at again.
looked_at AS (
    UPDATE batches b
       SET canary = CASE WHEN EXISTS (SELECT FROM large WHERE large.id = b.id)
                         THEN 'open' ELSE 'none' END
      FROM fresh
     WHERE b.id = fresh.id
       AND (NOT EXISTS (SELECT FROM large WHERE large.id = b.id)
            OR EXISTS (SELECT FROM first WHERE first.batch_id = b.id))
),
noted AS (
    INSERT INTO canaries (submission_id, batch_id) SELECT id, batch_id FROM first
)
UPDATE submissions s SET priority = 32767, set_back_from = NULL
  FROM first
 WHERE s.id = first.id
