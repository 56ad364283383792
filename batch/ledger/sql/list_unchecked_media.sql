-- Media of due rows that no look has been taken at since a time, in their own order. $1 target,
-- $2 after this media, $3 how many, $4 looked at since
SELECT DISTINCT s.media_id
  FROM submissions s
 WHERE s.target_id = $1 AND s.state = 'pending' AND s.hold_id IS NULL
   AND s.due_at <= now() AND s.media_id > $2
   AND NOT EXISTS (SELECT FROM media m
                    WHERE m.target_id = s.target_id AND m.media_id = s.media_id
                      AND m.checked_at >= $4)
 ORDER BY s.media_id
 LIMIT $3
