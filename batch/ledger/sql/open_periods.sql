-- Make the rows that budgets are counted on, before a begin locks them. $1 target, $2 currency,
-- $3 run, $4 time zone, $5 now (tests)
-- Repeat: harmless
INSERT INTO spending (target_id, currency, period)
SELECT $1, $2, p.period
  FROM (SELECT (coalesce($5, now()) AT TIME ZONE $4::text)::date AS date) today
 CROSS JOIN LATERAL (VALUES ('run ' || $3::uuid), (day_period(today.date)),
                            ('month ' || to_char(today.date, 'YYYY-MM'))) AS p(period)
 ORDER BY p.period COLLATE "C"
    ON CONFLICT DO NOTHING
