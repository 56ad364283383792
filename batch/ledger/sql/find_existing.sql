-- Jobs of media that a look showed and no submission and no receipt of ours holds. $1 target, $2 media
SELECT f.job_id, f.media_id, f.job_type, f.is_open, f.config, f.created_at
  FROM found_jobs f
 WHERE f.target_id = $1 AND f.media_id = ANY ($2::text[])
   AND NOT EXISTS (SELECT FROM submissions k WHERE k.job_id = f.job_id)
   AND NOT EXISTS (SELECT FROM attempts t WHERE t.job_id = f.job_id)
   AND NOT EXISTS (SELECT FROM attempts t
                    WHERE t.extra_job_ids IS NOT NULL AND f.job_id = ANY (t.extra_job_ids))
