-- Settle doubts, one element a submission. $1 ids, $2 leases, $3 JobId or null (then: no job exists),
-- $4 reasons (arrays) · $5 actor
-- A JobId is one submission's: what would share one stays in doubt.
WITH settled AS MATERIALIZED (
    SELECT e.*, row_number() OVER (PARTITION BY e.job_id ORDER BY e.id) AS turn
      FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[]) AS e(id, lease, job_id, reason)
),
moved AS (
    UPDATE submissions s
       SET state = CASE WHEN e.job_id IS NULL THEN 'pending' ELSE 'submitted' END,
           actor = $5, reason = e.reason, due_at = to_timestamp(0),
           job_id = e.job_id,
           submitted_at = CASE WHEN e.job_id IS NOT NULL THEN now() END,
           error_code = NULL, error_message = NULL
      FROM settled e
     WHERE s.id = e.id AND s.lease = e.lease AND s.state = 'in_doubt'
       AND (e.job_id IS NULL
            OR e.turn = 1 AND NOT EXISTS (SELECT FROM submissions k WHERE k.job_id = e.job_id))
    RETURNING s.id, s.lease, s.job_id
),
evidence AS (
    UPDATE attempts t
       SET job_id = coalesce(t.job_id, m.job_id),
           -- An operator who had disowned it owns it again.
           closed_by = CASE WHEN t.job_id IS DISTINCT FROM m.job_id THEN t.closed_by END
      FROM moved m
     WHERE t.submission_id = m.id AND t.lease = m.lease AND m.job_id IS NOT NULL
)
SELECT id FROM moved
