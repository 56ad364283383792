-- Media whose ids begin like this one, the very same first, then those of this target. $1 target,
-- $2 prefix, $3 behind every id with the prefix, $4 how many, $5 the media
SELECT n.media_id, t.account, t.region, n.target_id = $1 AS is_here
  FROM (SELECT DISTINCT s.media_id, s.target_id
          FROM submissions s
         WHERE s.media_id >= $2 AND s.media_id < $3) n
  JOIN targets t ON t.id = n.target_id
 ORDER BY n.media_id <> $5, n.target_id <> $1, n.media_id
 LIMIT $4
