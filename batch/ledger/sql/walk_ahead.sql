-- Walk on in sending order, not too far at a time: what was not looked at, of lists whose every media is
-- to be, and the last row that was met. $1 target, $2 behind this priority and $3 this submission, $4 how
-- many at the most, $5 how far, $6 batches and $7 their types (null: every list), $8 campaign
WITH walked AS MATERIALIZED (
    SELECT w.*
      FROM ((SELECT s.* FROM submissions s
              WHERE s.target_id = $1 AND s.state = 'pending' AND s.hold_id IS NULL
                AND s.priority = $2::int AND s.id > $3
              ORDER BY s.id
              LIMIT $5)
            UNION ALL
            (SELECT s.* FROM submissions s
              WHERE s.target_id = $1 AND s.state = 'pending' AND s.hold_id IS NULL
                AND s.priority < $2::int
              ORDER BY s.priority DESC, s.id
              LIMIT $5)) w
     ORDER BY w.priority DESC, w.id
     LIMIT $5
),
unseen AS (
    SELECT w.id
      FROM walked w
     WHERE w.campaign = $8 AND w.due_at <= now()
       AND ($6::bigint[] IS NULL
            OR (w.batch_id, w.job_type) IN (SELECT l.batch_id, l.job_type
                                              FROM unnest($6::bigint[], $7::text[])
                                                   AS l(batch_id, job_type)))
       AND NOT EXISTS (SELECT FROM job_looks k
                        WHERE k.target_id = w.target_id AND k.media_id = w.media_id
                          AND k.holds_until > now()
                        OFFSET 0)
       AND NOT EXISTS (SELECT FROM attempts t
                        WHERE t.submission_id = w.id
                          AND t.outcome IN ('accepted', 'in_doubt', 'refused')
                        OFFSET 0)
     ORDER BY w.priority DESC, w.id
     LIMIT $4
)
SELECT w.id, w.state, w.batch_id, w.media_id, w.job_type, w.config, w.campaign, w.priority,
       w.id NOT IN (SELECT u.id FROM unseen u) AS is_looked_at, false AS was_sent
  FROM walked w
 WHERE w.id IN (SELECT u.id FROM unseen u)
    OR w.id = (SELECT l.id FROM walked l ORDER BY l.priority, l.id DESC LIMIT 1)
 ORDER BY w.priority DESC, w.id
