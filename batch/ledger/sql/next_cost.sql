-- What the next sendable submission may cost, in sending order. $1 target,
-- $2 price of a minute by type (JSON), $3 seconds of an unknown length or null, $4 the plan that the
-- worker keeps to (fix_plan.sql), or null
SELECT s.media_id, s.job_type, p.price,
       ceil(coalesce(m.duration_seconds, $3::numeric) * p.price / 60 * 1000000) / 1000000 AS amount
  FROM sendable s
  -- A look-up for each row: where the statistics lack this target, a join would read the whole table.
  LEFT JOIN LATERAL (SELECT d.duration_seconds FROM media d
                      WHERE d.target_id = s.target_id AND d.media_id = s.media_id OFFSET 0) m ON true
 CROSS JOIN LATERAL (SELECT ($2::jsonb ->> s.job_type)::numeric AS price) p
 WHERE s.target_id = $1 AND s.state = 'pending'
   AND -(s.priority::integer) <= coalesce((SELECT -(n.least_priority::integer) FROM plans n
                                            WHERE n.id = $4), 32768)
   AND ($4::uuid IS NULL OR s.id <@ (SELECT n.ids FROM plans n WHERE n.id = $4))
 ORDER BY -(s.priority::integer), s.id
 LIMIT 1
