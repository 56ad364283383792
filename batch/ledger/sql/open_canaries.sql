-- Choose the canary of every batch that no night has looked at: its first due submissions, which now
-- go before all others. A batch that is held is looked at once it is free. $1 target, $2 how many
WITH fresh AS MATERIALIZED (
    SELECT b.id FROM batches b
     WHERE b.target_id = $1 AND b.canary IS NULL
       AND NOT EXISTS (SELECT FROM holds h
                        WHERE h.target_id = $1 AND h.released_at IS NULL
                          AND (h.scope = 'target' OR (h.scope = 'batch' AND h.batch_id = b.id)))
       FOR UPDATE
),
-- One more than the canary tells whether there is a rest to protect.
first AS MATERIALIZED (
    SELECT fresh.id AS batch_id, s.id,
           row_number() OVER (PARTITION BY fresh.id ORDER BY s.priority DESC, s.id) AS place
      FROM fresh CROSS JOIN LATERAL (
           SELECT p.id, p.priority
             FROM submissions p
            WHERE p.target_id = $1 AND p.batch_id = fresh.id AND p.state = 'pending'
              AND p.hold_id IS NULL AND p.due_at <= now()
            ORDER BY p.priority DESC, p.id
            LIMIT $2::int + 1) s
),
looked_at AS (
    UPDATE batches b
       SET canary = CASE WHEN EXISTS (SELECT FROM first
                                       WHERE first.batch_id = b.id AND first.place > $2::int)
                         THEN 'open' ELSE 'none' END
      FROM fresh WHERE b.id = fresh.id
    RETURNING b.id, b.canary
),
chosen AS (
    SELECT first.id, first.batch_id
      FROM first JOIN looked_at l ON l.id = first.batch_id AND l.canary = 'open'
     WHERE first.place <= $2::int
),
noted AS (
    INSERT INTO canaries (submission_id, batch_id) SELECT id, batch_id FROM chosen
)
UPDATE submissions s SET priority = 32767
  FROM chosen
 WHERE s.id = chosen.id
