-- What was sent at a price before its length was known gets the length, and the amount that follows from
-- it: until then it kept what was allowed for. What another statement is moving is left for the next
-- night. $1 target, $2 behind this submission, $3 up to this one
-- Repeat: harmless
WITH lengthless AS MATERIALIZED (
    SELECT s.id, s.media_id
      FROM submissions s
     WHERE s.target_id = $1 AND s.id > $2 AND s.id <= $3
       AND s.seconds IS NULL AND s.price IS NOT NULL
       AND s.state IN ('in_doubt', 'submitted', 'succeeded')
     ORDER BY s.id
       FOR UPDATE SKIP LOCKED
)
UPDATE submissions s
   SET seconds = m.duration_seconds,
       -- Rounded up, as begin.sql does.
       amount = CASE WHEN s.currency IS NOT NULL AND s.run_id IS NOT NULL AND s.spent_on IS NOT NULL
                     THEN ceil(m.duration_seconds * s.price / 60 * 1000000) / 1000000 END
  FROM lengthless l
 CROSS JOIN LATERAL (SELECT d.duration_seconds FROM media d
                      WHERE d.target_id = $1 AND d.media_id = l.media_id
                        AND d.duration_seconds IS NOT NULL OFFSET 0) m
 WHERE s.id = l.id
RETURNING s.id
