-- An operator's word that a JobId is not its submission's, which is in doubt again. The JobId stays on
-- its attempt, closed: a receipt, and no charge unless it is found to be the submission's after all.
-- $1 ids, $2 JobIds, $3 reasons (arrays, one element a submission) · $4 actor
-- Repeat: ask
WITH moved AS (
    UPDATE submissions s
       SET state = 'in_doubt', actor = $4, reason = e.reason,
           job_id = NULL, submitted_at = NULL, polled_at = NULL, looked_up_at = NULL,
           error_code = 'in_doubt', error_message = e.reason
      FROM unnest($1::bigint[], $2::text[], $3::text[]) AS e(id, job_id, reason)
     WHERE s.id = e.id AND s.job_id = e.job_id AND s.state = 'submitted'
       AND may_go_in_flight(s.target_id, s.media_id, s.job_type)
    RETURNING s.id, s.lease, e.job_id
),
disowned AS (
    UPDATE attempts t SET closed_by = $4
      FROM moved m
     WHERE t.submission_id = m.id AND t.job_id = m.job_id
),
-- Adopted beside another job of the same request, it is on no attempt yet.
kept AS (
    UPDATE attempts t SET extra_job_ids = t.extra_job_ids || m.job_id
      FROM moved m
     WHERE t.submission_id = m.id AND t.lease = m.lease
       AND NOT EXISTS (SELECT FROM attempts k
                        WHERE k.submission_id = m.id
                          AND (k.job_id = m.job_id OR m.job_id = ANY (k.extra_job_ids)))
)
SELECT id FROM moved
