-- Settle doubts, one element a submission. $1 ids, $2 leases, $3 JobId or null (then it is due again),
-- $4 reasons, $5 whether it is said that no job exists, $6 whether its request was known to have been
-- sent once more (arrays) · $7 actor
--
-- A replay that nobody knew of when this was decided speaks against sending again.
WITH settled AS MATERIALIZED (
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::boolean[],
                         $6::boolean[])
        AS e(id, lease, job_id, reason, is_absent, was_replayed)
),
moved AS (
    UPDATE submissions s
       SET state = CASE WHEN e.job_id IS NULL THEN 'pending' ELSE 'submitted' END,
           actor = $7, reason = e.reason, due_at = now(),
           job_id = e.job_id,
           submitted_at = CASE WHEN e.job_id IS NOT NULL THEN now() END,
           error_code = NULL, error_message = NULL
      FROM settled e
     WHERE s.id = e.id AND s.lease = e.lease AND s.state = 'in_doubt'
       AND (e.job_id IS NOT NULL OR e.was_replayed OR s.replayed_lease IS DISTINCT FROM s.lease)
       AND (e.job_id IS NULL
            OR NOT EXISTS (SELECT FROM submissions k WHERE k.job_id = e.job_id))
    RETURNING s.id, s.lease, s.job_id, e.is_absent
),
evidence AS (
    UPDATE attempts t
       SET job_id = coalesce(t.job_id, m.job_id),
           absent_at = CASE WHEN m.is_absent THEN now() ELSE t.absent_at END
      FROM moved m
     WHERE t.submission_id = m.id AND t.lease = m.lease AND (m.job_id IS NOT NULL OR m.is_absent)
)
SELECT id FROM moved
