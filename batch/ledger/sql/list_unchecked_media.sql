-- Walk on in sending order, not too far at a time: media of sendable rows that no look has been taken at since
-- a time, and the last row that was met. $1 target, $2 behind this priority and $3 this submission,
-- $4 how far, $5 looked at since
WITH walked AS MATERIALIZED (
    SELECT s.id, s.priority, s.target_id, s.media_id
      FROM submissions s
     WHERE s.target_id = $1 AND s.state = 'pending' AND s.hold_id IS NULL
       AND (-(s.priority::integer), s.id) > (-($2::integer), $3)
     ORDER BY -(s.priority::integer), s.id
     LIMIT $4
)
SELECT ARRAY(SELECT w.media_id
               FROM walked w
              WHERE EXISTS (SELECT FROM sendable v WHERE v.id = w.id OFFSET 0)
                AND NOT EXISTS (SELECT FROM media m
                                 WHERE m.target_id = w.target_id AND m.media_id = w.media_id
                                   AND m.checked_at >= $5
                                 OFFSET 0)
              ORDER BY w.priority DESC, w.id) AS media,
       l.priority, l.id
  FROM walked l
 ORDER BY l.priority, l.id DESC
 LIMIT 1
