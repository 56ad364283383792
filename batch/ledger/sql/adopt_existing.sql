-- What waits to be sent gets a job that the cloud has already made: nothing is sent, nothing is bound, and
-- it costs nothing. Not while another submission of the media and type is unresolved: the job may be its
-- own. $1 submissions, $2 JobIds, $3 created at (arrays) · $4 actor
-- Repeat: ask
UPDATE submissions s
   SET state = 'submitted', actor = $4, reason = 'its job exists already: ' || e.job_id,
       job_id = e.job_id, submitted_at = least(e.created_at, now()), request_id = NULL,
       error_code = NULL, error_message = NULL,
       price = 0, seconds = 0, amount = NULL, run_id = NULL, spent_on = NULL
  FROM unnest($1::bigint[], $2::text[], $3::timestamptz[]) AS e(id, job_id, created_at)
 WHERE s.id = e.id AND s.state = 'pending' AND s.hold_id IS NULL
   AND NOT EXISTS (SELECT FROM submissions k WHERE k.job_id = e.job_id)
   AND NOT EXISTS (SELECT FROM submissions u
                    WHERE u.media_id = s.media_id AND u.job_type = s.job_type
                      AND u.target_id = s.target_id AND u.state IN ('submitting', 'in_doubt'))
RETURNING s.id, s.job_type,
          (SELECT m.duration_seconds FROM media m
            WHERE m.target_id = s.target_id AND m.media_id = s.media_id) AS seconds
