-- From which id to which there is something sendable: the ends of each priority, which stand at the ends
-- of begin.sql's index. $1 target
WITH RECURSIVE level (behind, first) AS (
    (SELECT -(s.priority::integer), s.id
       FROM sendable s
      WHERE s.target_id = $1 AND s.state = 'pending'
      ORDER BY -(s.priority::integer), s.id
      LIMIT 1)
    UNION ALL
    SELECT n.behind, n.id
      FROM level l
     CROSS JOIN LATERAL (
           SELECT -(s.priority::integer) AS behind, s.id
             FROM sendable s
            WHERE s.target_id = $1 AND s.state = 'pending'
              AND -(s.priority::integer) > l.behind
            ORDER BY -(s.priority::integer), s.id
            LIMIT 1) n
)
SELECT min(l.first) AS first,
       max((SELECT s.id
              FROM sendable s
             WHERE s.target_id = $1 AND s.state = 'pending'
               AND -(s.priority::integer) <= l.behind
             ORDER BY -(s.priority::integer) DESC, s.id DESC
             LIMIT 1)) AS last
  FROM level l
