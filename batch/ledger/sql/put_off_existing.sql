-- What waits to be sent waits longer, for a reason. $1 submissions, $2 codes, $3 messages (arrays) ·
-- $4 due again in seconds, $5 actor
-- Repeat: harmless
UPDATE submissions s
   SET due_at = now() + make_interval(secs => $4), actor = $5, reason = e.code,
       error_code = e.code, error_message = e.message
  FROM unnest($1::bigint[], $2::text[], $3::text[]) AS e(id, code, message)
 WHERE s.id = e.id AND s.state = 'pending'
RETURNING s.id
