-- The newest batches first, each with its submissions by state. $1 target, $2 how many
WITH newest AS MATERIALIZED (
    SELECT * FROM batches WHERE target_id = $1 ORDER BY id DESC LIMIT $2
),
counted AS (
    SELECT c.batch_id, c.state, sum(c.n) AS n
      FROM current_tallies c
     WHERE c.target_id = $1 AND c.batch_id = ANY (ARRAY(SELECT newest.id FROM newest))
     GROUP BY c.batch_id, c.state
    HAVING sum(c.n) <> 0
)
SELECT b.id, b.source, b.campaign, b.loaded_at, b.lines, b.rows, b.quarantined, b.quarantine_path,
       b.submissions, b.duplicates_in_file, b.duplicates_across_files, b.duplicates_submitted,
       (SELECT jsonb_object_agg(c.state, c.n) FROM counted c WHERE c.batch_id = b.id)::text
           AS by_state
  FROM newest b
 ORDER BY b.id DESC
