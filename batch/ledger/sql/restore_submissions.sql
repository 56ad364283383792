-- Make the submissions that a journal knows and this database forgot. $1 target, $2 batch,
-- $3 media, $4 types, $5 configuration keys, $6 campaigns, $7 configs, $8 user data (arrays)
-- Repeat: ask
WITH made AS (
    INSERT INTO submissions (target_id, batch_id, line, media_id, job_type, config_key, campaign,
                             config, user_data, priority)
    SELECT DISTINCT ON (e.media_id, e.job_type, e.config_key, e.campaign)
           $1, $2, e.line, e.media_id, e.job_type, e.config_key, e.campaign, e.config,
           e.user_data, 0
      FROM unnest($3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[])
           WITH ORDINALITY AS e(media_id, job_type, config_key, campaign, config, user_data, line)
        ON CONFLICT ON CONSTRAINT submissions_once DO NOTHING
    RETURNING 1
)
UPDATE batches SET submissions = submissions + n.made, rows = rows + n.made,
                   lines = lines + n.made
  FROM (SELECT count(*) AS made FROM made) n
 WHERE id = $2
