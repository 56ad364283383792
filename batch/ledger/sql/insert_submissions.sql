-- One sorted anti-join insert. The ids follow the manifest's order, which is the order of sending and
-- of the export; the rows go in as the unique index sorts them, so that each of its pages is met once.
-- $1 target, $2 batch, $3 campaign, $4 the id before the first, $5 whether any staged row is known:
-- false spares the join
-- Repeat: ask
INSERT INTO submissions (id, target_id, batch_id, line, media_id, job_type, config_key, campaign,
                         config, user_data, priority)
OVERRIDING SYSTEM VALUE
SELECT DISTINCT ON (s.media_id, s.job_type, s.config_key, s.own_campaign)
       $4 + s.place, $1, $2, s.line, s.media_id, s.job_type, s.config_key, s.own_campaign,
       s.config, s.user_data, s.priority
  FROM (SELECT row_number() OVER () AS place, coalesce(campaign, $3) AS own_campaign, *
          FROM staged) s
 WHERE NOT EXISTS (
       SELECT FROM submissions k
        WHERE $5 AND k.media_id = s.media_id AND k.job_type = s.job_type AND k.target_id = $1
          AND k.config_key = s.config_key AND k.campaign = s.own_campaign)
 ORDER BY s.media_id, s.job_type, s.config_key, s.own_campaign, s.place
