-- How many submissions a selection holds, by what decides about an operator's word.
-- $1 target, then what is selected, each null for any: $2 states, $3 code, $4 batch, $5 media,
-- $6 type, $7 campaign
SELECT s.state, s.job_type, s.batch_id, s.hold_id IS NOT NULL AS is_held,
       s.batch_id = ANY (ARRAY(SELECT h.batch_id FROM holds h
                                WHERE h.target_id = $1 AND h.scope = 'batch'
                                  AND h.released_at IS NULL)) AS batch_is_held,
       CASE WHEN s.state IN ('rejected', 'dead') THEN retry_way(s) END AS retry_way,
       count(*) AS n
  FROM submissions s
 WHERE s.target_id = $1
   AND ($2::text[] IS NULL OR s.state = ANY ($2::text[]))
   AND ($3::text IS NULL OR lower(s.error_code) = lower($3::text))
   AND ($4::bigint IS NULL OR s.batch_id = $4::bigint)
   AND ($5::text[] IS NULL OR s.media_id = ANY ($5::text[]))
   AND ($6::text IS NULL OR s.job_type = $6::text)
   AND ($7::text IS NULL OR s.campaign = $7::text)
 GROUP BY 1, 2, 3, 4, 5, 6
 ORDER BY s.batch_id, s.state, s.job_type
