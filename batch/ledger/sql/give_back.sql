-- Rows that a begin claimed without its worker ever hearing of it: surely never sent.
-- $1 worker, $2 the submissions it is sending
WITH unheard AS MATERIALIZED (
    SELECT s.id, s.lease FROM submissions s
     WHERE s.worker_id = $1 AND s.state = 'submitting' AND s.id <> ALL ($2::bigint[])
       FOR UPDATE
),
evidence AS (
    UPDATE attempts t
       SET ended_at = now(), outcome = 'not_sent', message = 'its begin was not confirmed'
      FROM unheard u
     WHERE t.submission_id = u.id AND t.lease = u.lease AND t.outcome IS NULL
)
UPDATE submissions s
   SET state = 'pending', actor = 'begin', reason = 'its begin was not confirmed; never sent',
       attempts = s.attempts - 1
  FROM unheard u
 WHERE s.id = u.id AND s.lease = u.lease
RETURNING s.id
