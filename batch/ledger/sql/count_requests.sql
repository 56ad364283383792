-- How many requests the due rows take: the types of one media go together. $1 target
SELECT count(*) AS requests
  FROM (SELECT DISTINCT s.media_id, s.config, s.campaign, s.user_data
          FROM submissions s
         WHERE s.target_id = $1 AND s.state = 'pending' AND s.hold_id IS NULL AND s.is_waiting IS NOT TRUE
           AND s.due_at <= now()) r
