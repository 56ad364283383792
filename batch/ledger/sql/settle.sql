-- Settle doubts, one element a submission. $1 ids, $2 leases, $3 JobId or null (then it is due again),
-- $4 reasons, $5 whether it is said that no job exists, $6 whether its request was known to have been
-- sent once more, $7 whether it is rejected instead of due: it was refused, and no job exists (arrays)
-- · $8 actor · $9 how many attempts may end without a job, null: an operator says so, and it is sent
-- again in its place
--
-- Without an operator what has no job goes behind all others, which it may be keeping from being sent;
-- when its attempts are used up it is dead.
-- A JobId is one submission's: what would share one stays in doubt. A replay that nobody knew of when
-- this was decided speaks against sending again.
-- Repeat: ask
WITH settled AS MATERIALIZED (
    SELECT e.*, row_number() OVER (PARTITION BY e.job_id ORDER BY e.id) AS turn,
           e.job_id IS NULL AND NOT e.is_refused AND $9::int IS NOT NULL AS is_set_back
      FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::boolean[], $6::boolean[],
                  $7::boolean[])
        AS e(id, lease, job_id, reason, is_absent, was_replayed, is_refused)
),
moved AS (
    UPDATE submissions s
       SET state = CASE WHEN e.job_id IS NOT NULL THEN 'submitted'
                        WHEN e.is_refused THEN 'rejected'
                        WHEN e.is_set_back AND s.attempts >= $9 THEN 'dead' ELSE 'pending' END,
           actor = $8, reason = e.reason, due_at = to_timestamp(0),
           job_id = e.job_id,
           submitted_at = CASE WHEN e.job_id IS NOT NULL THEN now() END,
           priority = CASE WHEN e.is_set_back THEN -32768
                           WHEN e.job_id IS NULL THEN coalesce(s.set_back_from, s.priority)
                           ELSE s.priority END,
           set_back_from = CASE WHEN e.is_set_back THEN coalesce(s.set_back_from, s.priority) END,
           error_code = CASE WHEN e.is_refused THEN s.error_code
                             WHEN e.is_set_back AND s.attempts >= $9 THEN 'no_job' END,
           error_message = CASE WHEN e.is_refused THEN s.error_message
                                WHEN e.is_set_back AND s.attempts >= $9
                                THEN s.attempts || ' requests, and no job of any of them' END,
           finished_at = CASE WHEN e.is_refused OR e.is_set_back AND s.attempts >= $9 THEN now() END,
           refusal_is_certain = CASE WHEN e.is_refused OR e.is_set_back AND s.attempts >= $9
                                     THEN true END
      FROM settled e
     WHERE s.id = e.id AND s.lease = e.lease AND s.state = 'in_doubt'
       AND (e.job_id IS NOT NULL OR e.was_replayed OR s.replayed_lease IS DISTINCT FROM s.lease)
       AND (e.job_id IS NULL
            OR e.turn = 1 AND NOT EXISTS (SELECT FROM submissions k WHERE k.job_id = e.job_id))
    RETURNING s.id, s.lease, s.job_id, s.state, e.is_absent
),
evidence AS (
    UPDATE attempts t
       SET job_id = coalesce(t.job_id, m.job_id),
           -- An operator who had disowned it owns it again.
           closed_by = CASE WHEN m.job_id IS NULL OR t.job_id IS DISTINCT FROM m.job_id
                            THEN t.closed_by END,
           absent_at = CASE WHEN m.is_absent THEN now() ELSE t.absent_at END
      FROM moved m
     WHERE t.submission_id = m.id AND t.lease = m.lease AND (m.job_id IS NOT NULL OR m.is_absent)
)
SELECT id, state FROM moved
