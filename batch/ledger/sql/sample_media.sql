-- Media that wait to be sent, spread evenly over the list, the first one included.
-- $1 target, $2 how many
WITH waiting AS (
    SELECT media_id, min(id) AS id FROM submissions
     WHERE target_id = $1 AND state = 'pending' GROUP BY media_id
),
parted AS (
    SELECT media_id, id, ntile($2::int) OVER (ORDER BY id) AS part FROM waiting
)
SELECT DISTINCT ON (part) media_id FROM parted ORDER BY part, id
