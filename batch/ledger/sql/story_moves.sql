-- The moves of these submissions, in order. $1 submissions
SELECT m.submission_id, m.at, m.from_state, m.to_state, m.lease, m.actor, m.reason
  FROM submission_history m
 WHERE m.submission_id = ANY ($1::bigint[])
 ORDER BY m.submission_id, m.id
