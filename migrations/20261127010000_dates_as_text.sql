-- migrate:up

-- A date made text by the server's settings is another text under another DateStyle, and so another
-- period: what a day had spent was forgotten. And whoever's session fires the trigger, its tables are
-- the ledger's own.
CREATE FUNCTION day_period(day date) RETURNS text LANGUAGE sql STABLE
    RETURN 'day ' || to_char(day, 'YYYY-MM-DD');

CREATE OR REPLACE FUNCTION submissions_spent() RETURNS trigger LANGUAGE plpgsql
    SET enable_nestloop = off SET jit = off SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM new_rows WHERE amount IS NOT NULL)
       AND NOT EXISTS (SELECT FROM old_rows WHERE amount IS NOT NULL) THEN
        RETURN NULL;
    END IF;
    -- In the order of the key: two statements that meet here wait for each other, and never both.
    INSERT INTO spending AS s (target_id, currency, period, amount)
    SELECT c.target_id, c.currency, p.period, sum(c.amount)
      FROM (SELECT target_id, currency, run_id, spent_on, bound_amount(state, amount) AS amount
              FROM new_rows WHERE amount IS NOT NULL
             UNION ALL
            SELECT target_id, currency, run_id, spent_on, -bound_amount(state, amount)
              FROM old_rows WHERE amount IS NOT NULL) c
     CROSS JOIN LATERAL (VALUES ('run ' || c.run_id), (day_period(c.spent_on)),
                                ('month ' || to_char(c.spent_on, 'YYYY-MM'))) AS p(period)
     GROUP BY c.target_id, c.currency, p.period
    HAVING sum(c.amount) <> 0
     ORDER BY c.target_id, c.currency, p.period COLLATE "C"
        ON CONFLICT (target_id, currency, period)
        DO UPDATE SET amount = s.amount + excluded.amount;
    RETURN NULL;
END
$$;
ALTER FUNCTION submissions_moved() SET search_path = public, pg_temp;
ALTER FUNCTION submissions_start_pending() SET search_path = public, pg_temp;
ALTER FUNCTION may_go_in_flight(integer, text, text) SET search_path = public, pg_temp;

-- Days that were spent under another DateStyle, counted again from the rows they come from.
DELETE FROM spending WHERE period LIKE 'day %';
INSERT INTO spending (target_id, currency, period, amount)
SELECT target_id, currency, day_period(spent_on), sum(bound_amount(state, amount))
  FROM submissions
 WHERE amount IS NOT NULL
 GROUP BY target_id, currency, spent_on
HAVING sum(bound_amount(state, amount)) <> 0;

-- migrate:down
ALTER FUNCTION may_go_in_flight(integer, text, text) RESET search_path;
ALTER FUNCTION submissions_start_pending() RESET search_path;
ALTER FUNCTION submissions_moved() RESET search_path;
CREATE OR REPLACE FUNCTION submissions_spent() RETURNS trigger LANGUAGE plpgsql
    SET enable_nestloop = off SET jit = off AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM new_rows WHERE amount IS NOT NULL)
       AND NOT EXISTS (SELECT FROM old_rows WHERE amount IS NOT NULL) THEN
        RETURN NULL;
    END IF;
    INSERT INTO spending AS s (target_id, currency, period, amount)
    SELECT c.target_id, c.currency, p.period, sum(c.amount)
      FROM (SELECT target_id, currency, run_id, spent_on, bound_amount(state, amount) AS amount
              FROM new_rows WHERE amount IS NOT NULL
             UNION ALL
            SELECT target_id, currency, run_id, spent_on, -bound_amount(state, amount)
              FROM old_rows WHERE amount IS NOT NULL) c
     CROSS JOIN LATERAL (VALUES ('run ' || c.run_id), ('day ' || c.spent_on),
                                ('month ' || to_char(c.spent_on, 'YYYY-MM'))) AS p(period)
     GROUP BY c.target_id, c.currency, p.period
    HAVING sum(c.amount) <> 0
     ORDER BY c.target_id, c.currency, p.period COLLATE "C"
        ON CONFLICT (target_id, currency, period)
        DO UPDATE SET amount = s.amount + excluded.amount;
    RETURN NULL;
END
$$;
DROP FUNCTION day_period(date);
