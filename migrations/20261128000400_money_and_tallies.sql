-- migrate:up

-- What is reserved or charged in a period ('run <id>', 'day 2027-03-28', 'month 2027-03'). A budget is
-- held against this one row, however many workers spend from it.
CREATE TABLE spending (
    target_id integer NOT NULL REFERENCES targets,
    currency text NOT NULL,
    period text COLLATE "C" NOT NULL,
    amount numeric NOT NULL DEFAULT 0,
    PRIMARY KEY (target_id, currency, period)
);

-- Money is bound while a job exists or may exist, and free otherwise (vod-api.md 1.6: a failed job is
-- not charged). Because it follows from the row alone, no statement can forget to give it back.
CREATE FUNCTION bound_amount(state text, amount numeric) RETURNS numeric LANGUAGE sql IMMUTABLE
    RETURN CASE WHEN state IN ('submitting', 'in_doubt', 'submitted', 'succeeded')
                THEN coalesce(amount, 0) ELSE 0 END;

-- A date made text by the server's settings is another text under another DateStyle, and so another
-- period: what a day had spent would be forgotten.
CREATE FUNCTION day_period(day date) RETURNS text LANGUAGE sql STABLE
    RETURN 'day ' || to_char(day, 'YYYY-MM-DD');

CREATE FUNCTION submissions_spent() RETURNS trigger LANGUAGE plpgsql
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
CREATE TRIGGER submissions_spent AFTER UPDATE ON submissions
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION submissions_spent();

-- How many submissions stand where, and what they cost: what nights and pages ask all the time, without
-- a look at the submissions. tallies are sums up to some moment, tally_changes what came since. Changes
-- are only appended: a sum that each begin and each record updates would let one worker in at a time.
CREATE TABLE tallies (
    target_id integer NOT NULL,
    batch_id bigint NOT NULL,
    job_type text COLLATE "C" NOT NULL,
    state text COLLATE "C" NOT NULL,
    -- Whether a request of them was ever begun.
    has_begun boolean NOT NULL,
    hold_id bigint,
    run_id uuid,
    currency text COLLATE "C",
    price numeric,
    n bigint NOT NULL,
    -- Seconds where they are known, and how many have none; the amounts, and how many have none.
    seconds numeric NOT NULL,
    lengthless bigint NOT NULL,
    amount numeric NOT NULL,
    unbounded bigint NOT NULL
);
CREATE UNIQUE INDEX tallies_once ON tallies (
    target_id, batch_id, job_type, state, has_begun, coalesce(hold_id, 0),
    coalesce(run_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff'), coalesce(currency, ''),
    coalesce(price, -1));

CREATE TABLE tally_changes (
    LIKE tallies,
    id bigint GENERATED ALWAYS AS IDENTITY,
    PRIMARY KEY (target_id, id)
);

CREATE VIEW current_tallies AS
SELECT target_id, batch_id, job_type, state, has_begun, hold_id, run_id, currency, price,
       n, seconds, lengthless, amount, unbounded
  FROM tallies
 UNION ALL
SELECT target_id, batch_id, job_type, state, has_begun, hold_id, run_id, currency, price,
       n, seconds, lengthless, amount, unbounded
  FROM tally_changes;

-- Add changes to the sums, a bounded number at a time, and not while another session does. With the
-- rights of its owner: nobody else can delete a row.
CREATE FUNCTION fold_tallies(target integer) RETURNS void LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp SET jit = off AS $$
BEGIN
    IF NOT pg_try_advisory_xact_lock(1952541804, target) THEN
        RETURN;
    END IF;
    WITH taken AS (
        DELETE FROM tally_changes c
         WHERE c.target_id = target
           AND c.id = ANY (ARRAY(SELECT t.id FROM tally_changes t
                                  WHERE t.target_id = target ORDER BY t.id LIMIT 4096))
        RETURNING c.*
    )
    INSERT INTO tallies AS s (target_id, batch_id, job_type, state, has_begun, hold_id, run_id,
                              currency, price, n, seconds, lengthless, amount, unbounded)
    SELECT t.target_id, t.batch_id, t.job_type, t.state, t.has_begun, t.hold_id, t.run_id,
           t.currency, t.price,
           sum(t.n), sum(t.seconds), sum(t.lengthless), sum(t.amount), sum(t.unbounded)
      FROM taken t
     GROUP BY t.target_id, t.batch_id, t.job_type, t.state, t.has_begun, t.hold_id, t.run_id,
              t.currency, t.price
        ON CONFLICT (target_id, batch_id, job_type, state, has_begun, coalesce(hold_id, 0),
                     coalesce(run_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff'),
                     coalesce(currency, ''), coalesce(price, -1))
        DO UPDATE SET n = s.n + excluded.n, seconds = s.seconds + excluded.seconds,
                      lengthless = s.lengthless + excluded.lengthless,
                      amount = s.amount + excluded.amount,
                      unbounded = s.unbounded + excluded.unbounded;
END
$$;

-- Once a statement. Every 512th change folds, so that there are never many; whatever moves
-- submissions, a person's psql included, can forget neither.
CREATE FUNCTION submissions_tallied() RETURNS trigger LANGUAGE plpgsql
    SET jit = off SET search_path = public, pg_temp AS $$
DECLARE
    crowded integer;
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO tally_changes (target_id, batch_id, job_type, state, has_begun, hold_id, run_id,
                                   currency, price, n, seconds, lengthless, amount, unbounded)
        SELECT s.target_id, s.batch_id, s.job_type, s.state, s.lease > 0, s.hold_id, s.run_id,
               s.currency, s.price, count(*), coalesce(sum(s.seconds), 0),
               count(*) FILTER (WHERE s.seconds IS NULL), coalesce(sum(s.amount), 0),
               count(*) FILTER (WHERE s.amount IS NULL)
          FROM new_rows s
         GROUP BY s.target_id, s.batch_id, s.job_type, s.state, s.lease > 0, s.hold_id, s.run_id,
                  s.currency, s.price;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO tally_changes (target_id, batch_id, job_type, state, has_begun, hold_id, run_id,
                                   currency, price, n, seconds, lengthless, amount, unbounded)
        SELECT s.target_id, s.batch_id, s.job_type, s.state, s.lease > 0, s.hold_id, s.run_id,
               s.currency, s.price, -count(*), -coalesce(sum(s.seconds), 0),
               -count(*) FILTER (WHERE s.seconds IS NULL), -coalesce(sum(s.amount), 0),
               -count(*) FILTER (WHERE s.amount IS NULL)
          FROM old_rows s
         GROUP BY s.target_id, s.batch_id, s.job_type, s.state, s.lease > 0, s.hold_id, s.run_id,
                  s.currency, s.price;
    ELSE
        WITH added AS (
            INSERT INTO tally_changes (target_id, batch_id, job_type, state, has_begun, hold_id,
                                       run_id, currency, price,
                                       n, seconds, lengthless, amount, unbounded)
            SELECT c.target_id, c.batch_id, c.job_type, c.state, c.has_begun, c.hold_id, c.run_id,
                   c.currency, c.price, sum(c.n), sum(c.n * coalesce(c.seconds, 0)),
                   sum(CASE WHEN c.seconds IS NULL THEN c.n ELSE 0 END),
                   sum(c.n * coalesce(c.amount, 0)),
                   sum(CASE WHEN c.amount IS NULL THEN c.n ELSE 0 END)
              FROM (SELECT target_id, batch_id, job_type, state, lease > 0 AS has_begun, hold_id,
                           run_id, currency, price, seconds, amount, 1 AS n
                      FROM new_rows
                     UNION ALL
                    SELECT target_id, batch_id, job_type, state, lease > 0, hold_id,
                           run_id, currency, price, seconds, amount, -1
                      FROM old_rows) c
             GROUP BY c.target_id, c.batch_id, c.job_type, c.state, c.has_begun, c.hold_id,
                      c.run_id, c.currency, c.price
            HAVING sum(c.n) <> 0 OR sum(c.n * coalesce(c.seconds, 0)) <> 0
                OR sum(CASE WHEN c.seconds IS NULL THEN c.n ELSE 0 END) <> 0
                OR sum(c.n * coalesce(c.amount, 0)) <> 0
                OR sum(CASE WHEN c.amount IS NULL THEN c.n ELSE 0 END) <> 0
            RETURNING id, target_id
        )
        SELECT min(added.target_id) INTO crowded FROM added WHERE added.id % 512 = 0;
        IF crowded IS NOT NULL THEN
            PERFORM fold_tallies(crowded);
        END IF;
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER submissions_tallied_insert AFTER INSERT ON submissions
    REFERENCING NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION submissions_tallied();
CREATE TRIGGER submissions_tallied_update AFTER UPDATE ON submissions
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION submissions_tallied();
CREATE TRIGGER submissions_tallied_delete AFTER DELETE ON submissions
    REFERENCING OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION submissions_tallied();

CREATE FUNCTION submissions_emptied() RETURNS trigger LANGUAGE plpgsql
    SET jit = off SET search_path = public, pg_temp AS $$
BEGIN
    DELETE FROM tally_changes;
    DELETE FROM tallies;
    RETURN NULL;
END
$$;
CREATE TRIGGER submissions_emptied AFTER TRUNCATE ON submissions
    FOR EACH STATEMENT EXECUTE FUNCTION submissions_emptied();

-- migrate:down
DROP TRIGGER submissions_emptied ON submissions;
DROP FUNCTION submissions_emptied();
DROP TRIGGER submissions_tallied_delete ON submissions;
DROP TRIGGER submissions_tallied_update ON submissions;
DROP TRIGGER submissions_tallied_insert ON submissions;
DROP FUNCTION submissions_tallied();
DROP FUNCTION fold_tallies(integer);
DROP VIEW current_tallies;
DROP TABLE tally_changes;
DROP TABLE tallies;
DROP TRIGGER submissions_spent ON submissions;
DROP FUNCTION submissions_spent();
DROP FUNCTION day_period(date);
DROP FUNCTION bound_amount(text, numeric);
DROP TABLE spending;
