-- Keep jobs that looks showed, one element a job. $1 target, $2 JobIds, $3 media, $4 types,
-- $5 whether it still runs, $6 configurations or null, $7 created at (arrays)
-- Repeat: harmless
INSERT INTO found_jobs (target_id, job_id, media_id, job_type, is_open, config, created_at)
SELECT $1, e.*
  FROM unnest($2::text[], $3::text[], $4::text[], $5::boolean[], $6::text[], $7::timestamptz[])
       AS e(job_id, media_id, job_type, is_open, config, created_at)
 ORDER BY e.job_id
    ON CONFLICT (target_id, job_id)
    DO UPDATE SET is_open = excluded.is_open, config = excluded.config
