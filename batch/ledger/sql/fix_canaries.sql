-- Fix what a run may send: the canaries of batches that are not judged. A canary that is given a job, or put
-- off, then lets nothing of its batch go in its place. $1 target, $2 plan
-- Repeat: ask
INSERT INTO plans (id, target_id, hash, least_priority, ids)
SELECT $2, $1, 'canaries', coalesce(min(s.priority), 32767),
       coalesce(range_agg(int8range(c.submission_id, c.submission_id, '[]')), '{}')
  FROM canaries c
  JOIN batches b ON b.id = c.batch_id
  JOIN submissions s ON s.id = c.submission_id
 WHERE b.target_id = $1 AND b.canary = 'open'
