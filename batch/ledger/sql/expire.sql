-- What a dead worker was sending is in doubt, never due. $1 target, $2 seconds of silence, $3 actor
WITH held AS MATERIALIZED (
    SELECT s.id, s.lease
      FROM submissions s JOIN workers w ON w.id = s.worker_id
     WHERE s.target_id = $1 AND s.state = 'submitting'
       AND (w.ended_at IS NOT NULL OR w.heartbeat_at < now() - make_interval(secs => $2::float8))
       FOR UPDATE OF s SKIP LOCKED
),
evidence AS (
    UPDATE attempts t
       SET ended_at = now(), outcome = 'in_doubt', message = 'its worker died before an answer'
      FROM held h
     WHERE t.submission_id = h.id AND t.lease = h.lease AND t.outcome IS NULL
)
UPDATE submissions s
   SET state = 'in_doubt', actor = $3, reason = 'its worker died before an answer',
       error_code = 'in_doubt', error_message = 'its worker died before an answer'
  FROM held h
 WHERE s.id = h.id AND s.lease = h.lease AND s.state = 'submitting'
RETURNING s.id
