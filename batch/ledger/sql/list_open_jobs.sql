-- Jobs to ask about, the longest unasked first; asked in the future means a clock that was set back.
-- $1 target, $2 how many, $3 asked before this time, $4 whether only canaries count
SELECT j.id, j.job_id
  FROM ((SELECT s.id, s.job_id, s.polled_at
           FROM submissions s
          WHERE NOT $4::boolean AND s.target_id = $1 AND s.state = 'submitted'
            AND (s.polled_at IS NULL OR s.polled_at < $3 OR s.polled_at > now())
          ORDER BY s.polled_at NULLS FIRST, s.id
          LIMIT $2)
        UNION ALL
        SELECT s.id, s.job_id, s.polled_at
          FROM canaries c
         CROSS JOIN LATERAL (
               SELECT o.id, o.job_id, o.polled_at
                 FROM submissions o
                WHERE o.id = c.submission_id AND o.target_id = $1 AND o.state = 'submitted'
                  AND (o.polled_at IS NULL OR o.polled_at < $3 OR o.polled_at > now())
               OFFSET 0) s
         WHERE $4::boolean) j
 ORDER BY j.polled_at NULLS FIRST, j.id
 LIMIT $2
