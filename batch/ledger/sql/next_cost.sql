-- What the next due submission may cost, in sending order. $1 target,
-- $2 price of a minute by type (JSON), $3 seconds of an unknown length or null, $4 now (tests), $5 the
-- plan that the worker keeps to (fix_plan.sql), or null
SELECT s.media_id, s.job_type, p.price,
       ceil(coalesce(m.duration_seconds, $3::numeric) * p.price / 60 * 1000000) / 1000000 AS amount
  FROM submissions s
  LEFT JOIN media m ON m.target_id = s.target_id AND m.media_id = s.media_id
 CROSS JOIN LATERAL (SELECT ($2::jsonb ->> s.job_type)::numeric AS price) p
 WHERE s.target_id = $1 AND s.state = 'pending' AND s.hold_id IS NULL
   AND s.due_at <= coalesce($4, now())
   AND -(s.priority::integer) <= coalesce((SELECT -(n.least_priority::integer) FROM plans n
                                            WHERE n.id = $5), 32768)
   AND ($5::uuid IS NULL OR s.id <@ (SELECT n.ids FROM plans n WHERE n.id = $5))
   AND NOT EXISTS (SELECT FROM holds h
                    WHERE h.target_id = $1 AND h.released_at IS NULL
                      AND (h.scope = 'target' OR (h.scope = 'batch' AND h.batch_id = s.batch_id)))
   AND NOT EXISTS (SELECT FROM submissions u
                    WHERE u.media_id = s.media_id AND u.job_type = s.job_type
                      AND u.target_id = s.target_id AND u.state IN ('submitting', 'in_doubt')
                    OFFSET 0)
 ORDER BY -(s.priority::integer), s.id
 LIMIT 1
