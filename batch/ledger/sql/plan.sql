-- What is sendable, by type: rows, rows of unknown length, known seconds, a sum that changes when any row
-- comes, goes or is begun, and one that changes with any length; and how many requests all of them take, as
-- the types of one media go together. $1 target, $2 the plan whose rows alone count (fix_plan.sql), or null
WITH due AS MATERIALIZED (
    SELECT s.id, s.lease, s.media_id, s.job_type,
           hash_record_extended((s.media_id, s.config, s.campaign, s.user_data), 0) AS request
      FROM sendable s
     WHERE s.target_id = $1 AND s.state = 'pending'
       AND ($2::uuid IS NULL OR s.id <@ (SELECT p.ids FROM plans p WHERE p.id = $2))
)
SELECT s.job_type, count(*) AS rows, count(*) FILTER (WHERE m.duration_seconds IS NULL) AS unknown,
       coalesce(sum(m.duration_seconds), 0) AS seconds, max(m.duration_seconds) AS longest,
       sum(hashint8extended(s.id, s.lease)) AS mark,
       sum(hash_numeric_extended(coalesce(m.duration_seconds, -1), s.id)) AS length_mark,
       (SELECT count(DISTINCT d.request) FROM due d) AS requests
  FROM due s
  -- A look-up for each row: where the statistics lack this target, a join would read the whole table.
  LEFT JOIN LATERAL (SELECT d.duration_seconds FROM media d
                      WHERE d.target_id = $1 AND d.media_id = s.media_id OFFSET 0) m ON true
 GROUP BY s.job_type
 ORDER BY s.job_type
