-- From which id to which there are submissions to be sent. $1 target
SELECT min(id) AS first, max(id) AS last
  FROM submissions
 WHERE target_id = $1 AND state = 'pending' AND hold_id IS NULL
