-- The newest batches first, each with its submissions by state. $1 target, $2 how many
WITH newest AS MATERIALIZED (
    SELECT * FROM batches WHERE target_id = $1 ORDER BY id DESC LIMIT $2
),
counted AS (
    SELECT s.batch_id, s.state, count(*) AS n
      FROM submissions s JOIN newest ON newest.id = s.batch_id
     GROUP BY s.batch_id, s.state
)
SELECT b.id, b.source, b.campaign, b.loaded_at, b.lines, b.rows, b.quarantined, b.quarantine_path,
       b.submissions, b.duplicates_in_file, b.duplicates_across_files, b.duplicates_submitted,
       (SELECT jsonb_object_agg(c.state, c.n) FROM counted c WHERE c.batch_id = b.id)::text
           AS by_state
  FROM newest b
 ORDER BY b.id DESC
