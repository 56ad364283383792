-- Walk on in sending order, not too far at a time: what was not looked at, of lists whose every media is
-- to be, and the last row that was met. $1 target, $2 behind this priority and $3 this submission, $4 how
-- many at the most, $5 how far, $6 batches and $7 their types (null: every list), $8 campaign
--
-- Walked twice, so that the first walk ends with the last of those that were asked for; so does the line
-- then, and no other row is returned.
WITH walked AS NOT MATERIALIZED (
    SELECT s.*, -(s.priority::integer) AS behind
      FROM submissions s
     WHERE s.target_id = $1 AND s.state = 'pending' AND s.hold_id IS NULL
       AND (-(s.priority::integer), s.id) > (-($2::integer), $3)
     ORDER BY -(s.priority::integer), s.id
     LIMIT $5
),
unseen AS MATERIALIZED (
    SELECT w.*
      FROM walked w
     WHERE w.campaign = $8
       AND EXISTS (SELECT FROM sendable v WHERE v.id = w.id OFFSET 0)
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
     ORDER BY w.behind, w.id
     LIMIT $4
),
last AS MATERIALIZED (
    SELECT w.*
      FROM walked w
     WHERE (SELECT count(*) FROM unseen) < $4
     ORDER BY w.behind DESC, w.id DESC
     LIMIT 1
)
SELECT u.id, u.state, u.batch_id, u.media_id, u.job_type, u.config, u.campaign, u.priority,
       false AS is_looked_at, false AS was_sent
  FROM unseen u
 UNION ALL
SELECT l.id, l.state, l.batch_id, l.media_id, l.job_type, l.config, l.campaign, l.priority,
       true, false
  FROM last l
 WHERE l.id NOT IN (SELECT u.id FROM unseen u)
 ORDER BY priority DESC, id
