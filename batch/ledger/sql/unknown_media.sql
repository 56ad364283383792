-- Which of these media have no submission here. $1 target, $2 media
SELECT m.media_id
  FROM unnest($2::text[]) WITH ORDINALITY AS m(media_id, place)
 WHERE NOT EXISTS (SELECT FROM submissions s
                    WHERE s.media_id = m.media_id AND s.target_id = $1)
 ORDER BY m.place
