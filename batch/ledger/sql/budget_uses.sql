-- How far the budgets in force are used. $1 target, $2 currency, $3 run, $4 time zone, budgets or null:
-- $5 of the run, $6 of the day, $7 of the month · $8 now (tests)
SELECT p.kind, p.most, coalesce(s.amount, 0) AS amount
  FROM (SELECT (coalesce($8, now()) AT TIME ZONE $4::text)::date AS date) today
 CROSS JOIN LATERAL (VALUES
       (1, 'run', 'run ' || $3::uuid, $5::numeric),
       (2, 'day', day_period(today.date), $6::numeric),
       (3, 'month', 'month ' || to_char(today.date, 'YYYY-MM'), $7::numeric))
       AS p(place, kind, period, most)
  LEFT JOIN spending s ON s.target_id = $1 AND s.currency = $2 AND s.period = p.period
 WHERE p.most IS NOT NULL
 ORDER BY p.place
