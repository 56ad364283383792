-- What keeps doubts open, to be shown. $1 ids, $2 notes (arrays)
-- Repeat: harmless
UPDATE submissions s
   SET looked_up_at = now(), error_message = e.note
  FROM unnest($1::bigint[], $2::text[]) AS e(id, note)
 WHERE s.id = e.id AND s.state = 'in_doubt'
