-- How many requests the due rows take: the types of one media go together. $1 target, $2 the plan whose
-- rows alone count (fix_plan.sql), or null
SELECT count(*) AS requests
  FROM (SELECT DISTINCT s.media_id, s.config, s.campaign, s.user_data
          FROM submissions s
         WHERE s.target_id = $1 AND s.state = 'pending' AND s.hold_id IS NULL AND s.is_waiting IS NOT TRUE
           AND s.due_at <= now()
           AND NOT EXISTS (SELECT FROM holds h
                            WHERE h.target_id = $1 AND h.scope = 'target'
                              AND h.released_at IS NULL)
           AND s.batch_id <> ALL (ARRAY(SELECT h.batch_id FROM holds h
                                         WHERE h.target_id = $1 AND h.scope = 'batch'
                                           AND h.released_at IS NULL))
           AND ($2::uuid IS NULL OR s.id <@ (SELECT p.ids FROM plans p WHERE p.id = $2))) r
