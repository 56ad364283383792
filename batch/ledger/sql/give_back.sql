-- Rows that a begin claimed and whose worker never got the answer: surely never sent. They are found by
-- the nonces that this begin drew and by nothing else; what a worker merely does not know may have been
-- sent before a failover. Nor is given back what somebody replayed meanwhile.
-- $1 worker, $2 nonces of begins without an answer
-- Repeat: ask
WITH unanswered AS MATERIALIZED (
    SELECT s.id, s.lease, t.nonce
      FROM attempts t JOIN submissions s ON s.id = t.submission_id AND s.lease = t.lease
     WHERE t.nonce = ANY ($2::text[]) AND t.outcome IS NULL AND t.replayed_at IS NULL
       AND s.worker_id = $1 AND s.state = 'submitting'
       FOR UPDATE OF s
),
evidence AS (
    UPDATE attempts t
       SET ended_at = now(), outcome = 'not_sent', message = 'its begin was not confirmed'
      FROM unanswered u
     WHERE t.submission_id = u.id AND t.lease = u.lease AND t.outcome IS NULL
)
UPDATE submissions s
   SET state = 'pending', actor = 'begin', reason = 'its begin was not confirmed; never sent',
       attempts = s.attempts - 1
  FROM unanswered u
 WHERE s.id = u.id AND s.lease = u.lease
RETURNING u.nonce
