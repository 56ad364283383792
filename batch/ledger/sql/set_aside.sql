-- Preflight's word on media that cannot be processed: refused when they are gone for good, due again
-- later when they may become ready. $1 target, $2 media, $3 codes, $4 messages, $5 due again in
-- seconds or null (arrays) · $6 actor
-- Repeat: ask
UPDATE submissions s
   SET state = CASE WHEN e.due_in IS NULL THEN 'rejected' ELSE 'pending' END,
       due_at = CASE WHEN e.due_in IS NULL THEN s.due_at
                     ELSE now() + make_interval(secs => e.due_in) END,
       actor = $6, reason = e.code, error_code = e.code, error_message = e.message,
       finished_at = CASE WHEN e.due_in IS NULL THEN now() END,
       refusal_is_certain = CASE WHEN e.due_in IS NULL THEN true END
  FROM unnest($2::text[], $3::text[], $4::text[], $5::float8[])
       AS e(media_id, code, message, due_in)
 WHERE s.target_id = $1 AND s.media_id = e.media_id AND s.state = 'pending'
   AND s.is_waiting IS NOT TRUE AND s.due_at <= now()
RETURNING s.id, s.state, s.media_id, s.job_type
