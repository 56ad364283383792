-- Add what was counted to what is known of words that no document of ours knows. $1 target,
-- $2 actions, $3 fields, $4 words, $5 examples, $6 times (arrays, one element a word, none twice)
-- Repeat: ask
INSERT INTO unseen_words AS k (target_id, action, field, word, example, times)
SELECT $1, e.action, e.field, e.word, e.example, e.times
  FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[])
       AS e(action, field, word, example, times)
 ORDER BY e.action, e.field, e.word
    ON CONFLICT (target_id, action, field, word)
    DO UPDATE SET example = excluded.example, times = k.times + excluded.times,
                  last_seen_at = now()
