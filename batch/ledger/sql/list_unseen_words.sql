-- Words that no document of ours knows, the newest first. $1 target, $2 run: seen last since it
-- began (null: ever), $3 how many
SELECT action, field, word, example, times
  FROM unseen_words
 WHERE target_id = $1 AND ($2::uuid IS NULL OR last_seen_at >= (SELECT r.started_at FROM runs r WHERE r.id = $2::uuid))
 ORDER BY last_seen_at DESC, action, field, word
 LIMIT $3
