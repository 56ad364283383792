-- Media whose ids begin like this one, of this target first. $1 target, $2 prefix, $3 after the
-- prefix, $4 how many
SELECT DISTINCT ON (s.target_id <> $1, s.media_id) s.media_id, t.account, t.region,
       s.target_id = $1 AS is_here
  FROM submissions s JOIN targets t ON t.id = s.target_id
 WHERE s.media_id >= $2 AND s.media_id < $3
 ORDER BY s.target_id <> $1, s.media_id
 LIMIT $4
