-- How many submissions the staged rows ask for once more, each counted once: not begun, and begun at
-- least once. $1 target, $2 campaign
SELECT count(*) FILTER (WHERE k.lease = 0) AS across_files,
       count(*) FILTER (WHERE k.lease > 0) AS submitted
  FROM submissions k
 WHERE k.target_id = $1
   AND EXISTS (
       SELECT FROM staged s
        WHERE s.media_id = k.media_id AND s.job_type = k.job_type
          AND s.config_key = k.config_key AND coalesce(s.campaign, $2) = k.campaign)
