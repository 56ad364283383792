-- The lists of which some media were looked at. $1 target
SELECT l.batch_id, l.job_type, l.has_hit
  FROM sampled_lists l JOIN batches b ON b.id = l.batch_id
 WHERE b.target_id = $1
