-- The holds that kept, or keep, these submissions from being sent: their own, their batch's, and the
-- target's as long as they waited to be sent. $1 submissions
SELECT s.id AS submission_id, h.scope, h.batch_id, h.held_at, h.held_by, h.reason,
       coalesce(r.released_at, h.released_at) AS released_at,
       coalesce(r.released_by, h.released_by) AS released_by
  FROM submissions s
  JOIN holds h ON h.target_id = s.target_id
  LEFT JOIN batches b ON b.id = s.batch_id
  LEFT JOIN hold_rows r ON r.submission_id = s.id AND r.hold_id = h.id
 WHERE s.id = ANY ($1::bigint[])
   AND CASE h.scope
       WHEN 'rows' THEN r.submission_id IS NOT NULL
       WHEN 'batch' THEN h.batch_id = s.batch_id
       ELSE h.released_at IS NULL OR h.released_at >= b.loaded_at
       END
   AND h.held_at <= coalesce(s.submitted_at, s.finished_at, 'infinity')
 ORDER BY s.id, h.id
