-- Put off the due rows of media that carry a status. $1 target, $2 status in lower case, $3 code,
-- $4 message, $5 due again in seconds · $6 actor
-- Repeat: ask
UPDATE submissions s
   SET due_at = now() + make_interval(secs => $5::float8),
       actor = $6, reason = $3, error_code = $3, error_message = $4
  FROM media m
 WHERE s.target_id = $1 AND s.state = 'pending' AND s.due_at <= now()
   AND m.target_id = $1 AND m.media_id = s.media_id AND lower(m.status) = $2
RETURNING s.state, s.media_id, s.job_type
