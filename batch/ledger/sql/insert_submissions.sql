-- One sorted anti-join insert. The ids follow the manifest's order, which is the order of sending and
-- of the export; the rows go in as the unique index sorts them, so that each of its pages is met once.
-- $1 target, $2 batch, $3 campaign, $4 the id before the first
INSERT INTO submissions (id, target_id, batch_id, line, media_id, job_type, config_key, campaign,
                         config, user_data, priority)
OVERRIDING SYSTEM VALUE
SELECT $4 + f.place, $1, $2, f.line, f.media_id, f.job_type, f.config_key, $3, f.config,
       f.user_data, f.priority
  FROM (SELECT DISTINCT ON (media_id, job_type, config_key)
               row_number() OVER () AS place, s.line, s.media_id,
               t.job_type COLLATE "C" AS job_type, s.config_key, s.config, s.user_data, s.priority
          FROM staged s CROSS JOIN LATERAL unnest(string_to_array(s.types, ',')) AS t(job_type)
         ORDER BY media_id, job_type, config_key, line) f
 WHERE NOT EXISTS (
       SELECT FROM submissions k
        WHERE k.media_id = f.media_id AND k.job_type = f.job_type AND k.target_id = $1
          AND k.config_key = f.config_key AND k.campaign = $3)
 ORDER BY f.media_id, f.job_type, f.config_key
