-- Rows of the manifest that made no submission, by what was there before. $1 target, $2 batch,
-- $3 campaign
WITH asked AS MATERIALIZED (
    SELECT s.media_id, t.job_type COLLATE "C" AS job_type, s.config_key, count(*) AS times
      FROM staged s CROSS JOIN LATERAL unnest(string_to_array(s.types, ',')) AS t(job_type)
     GROUP BY 1, 2, 3
)
SELECT coalesce(sum(a.times - 1), 0)::bigint AS in_file,
       count(*) FILTER (WHERE k.lease = 0 AND k.batch_id <> $2) AS across_files,
       count(*) FILTER (WHERE k.lease > 0 AND k.batch_id <> $2) AS submitted
  FROM asked a
  JOIN submissions k ON k.media_id = a.media_id AND k.job_type = a.job_type AND k.target_id = $1
   AND k.config_key = a.config_key AND k.campaign = $3
