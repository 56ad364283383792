-- Commit, before it is sent, that a request is sent once more: all of it, or nothing, and only where
-- every row of it is still in doubt under its lease, is young enough, was signed with this key, was not
-- sent once more before, and is not held. $1 target, $2 nonce, $3 ids, $4 leases (arrays), $5 seconds
-- of age at the most, $6 access key id
--
-- The mark is on the submission, so whoever moves the row at the same time goes first or finds it.
-- Returned is how old the request is by now, by the earlier of the two times that it has, in seconds.
-- Repeat: ask
WITH asked AS MATERIALIZED (
    SELECT s.id, least(t.signed_at, t.begun_at) AS sent_at,
           s.state = 'in_doubt' AND s.lease = e.lease AND s.hold_id IS NULL
           AND s.replayed_lease IS DISTINCT FROM s.lease AND t.replayed_at IS NULL
           AND t.access_key_id = $6
           AND least(t.signed_at, t.begun_at) > clock_timestamp() - make_interval(secs => $5::float8)
           AND NOT EXISTS (SELECT FROM holds h
                            WHERE h.target_id = $1 AND h.released_at IS NULL
                              AND (h.scope = 'target'
                                   OR (h.scope = 'batch' AND h.batch_id = s.batch_id))) AS may
      FROM unnest($3::bigint[], $4::bigint[]) AS e(id, lease)
      JOIN submissions s ON s.id = e.id
      JOIN attempts t ON t.submission_id = e.id AND t.lease = e.lease AND t.nonce = $2
     WHERE s.target_id = $1
       FOR UPDATE OF s
),
marked AS (
    UPDATE submissions s SET replayed_lease = s.lease, looked_up_at = clock_timestamp()
      FROM asked a
     WHERE s.id = a.id
       AND (SELECT bool_and(may) FROM asked)
       AND (SELECT count(*) FROM asked) = (SELECT count(*) FROM attempts WHERE nonce = $2)
    RETURNING s.id, s.lease, a.sent_at
),
evidence AS (
    UPDATE attempts t SET replayed_at = clock_timestamp()
      FROM marked m
     WHERE t.submission_id = m.id AND t.lease = m.lease
)
SELECT extract(epoch FROM clock_timestamp() - min(sent_at))::float8 AS age FROM marked
