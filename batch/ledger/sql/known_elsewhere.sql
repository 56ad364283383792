-- How many of the staged media other account names of the target's region know too: two names of one
-- account would pay twice. $1 target
SELECT t.account, n.media
  FROM targets here
  JOIN targets t ON t.region = here.region AND t.id <> here.id
 CROSS JOIN LATERAL (
       SELECT count(DISTINCT s.media_id) AS media
         FROM staged s
        WHERE EXISTS (SELECT FROM submissions k
                       WHERE k.media_id = s.media_id AND k.target_id = t.id)) n
 WHERE here.id = $1 AND n.media > 0
 ORDER BY t.account
