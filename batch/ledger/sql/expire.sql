-- What nobody is sending any more is in doubt, never due: a dead worker's rows, and those of $4, a
-- worker that says that it is sending nothing. A worker without a row was forgotten by a failover
-- together with it; a living one makes its row again. $1 target, $2 seconds of silence, $3 actor,
-- $4 an idle worker or null
-- Repeat: ask
WITH abandoned AS MATERIALIZED (
    SELECT s.id, s.lease,
           CASE WHEN w.id = $4::uuid THEN 'its worker does not know it any more'
                ELSE 'its worker died before an answer' END AS why
      FROM submissions s LEFT JOIN workers w ON w.id = s.worker_id
     WHERE s.target_id = $1 AND s.state = 'submitting'
       AND (w.id IS NULL OR w.id = $4::uuid OR w.ended_at IS NOT NULL
            OR w.heartbeat_at < now() - make_interval(secs => $2::float8))
       FOR UPDATE OF s SKIP LOCKED
),
evidence AS (
    UPDATE attempts t
       SET ended_at = now(), outcome = 'in_doubt', message = a.why
      FROM abandoned a
     WHERE t.submission_id = a.id AND t.lease = a.lease AND t.outcome IS NULL
)
UPDATE submissions s
   SET state = 'in_doubt', actor = $3, reason = a.why,
       error_code = 'in_doubt', error_message = a.why
  FROM abandoned a
 WHERE s.id = a.id AND s.lease = a.lease AND s.state = 'submitting'
RETURNING s.id
