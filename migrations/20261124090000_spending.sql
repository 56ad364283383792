-- migrate:up

-- What a submission may cost, written with its intent: the price of a minute and the length that were
-- known then, the run and the day that answer for it. The amount is the most it can be charged.
ALTER TABLE submissions ADD COLUMN currency text;
ALTER TABLE submissions ADD COLUMN price numeric CHECK (price >= 0);
ALTER TABLE submissions ADD COLUMN seconds numeric CHECK (seconds >= 0);
ALTER TABLE submissions ADD COLUMN amount numeric CHECK (amount >= 0);
ALTER TABLE submissions ADD COLUMN run_id uuid;
ALTER TABLE submissions ADD COLUMN spent_on date;
ALTER TABLE submissions ADD CONSTRAINT amount_has_its_period CHECK (
    amount IS NULL
    OR (currency IS NOT NULL AND price IS NOT NULL AND run_id IS NOT NULL AND spent_on IS NOT NULL));

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

CREATE FUNCTION submissions_spent() RETURNS trigger LANGUAGE plpgsql
    SET enable_nestloop = off AS $$
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

CREATE TRIGGER submissions_spent AFTER UPDATE ON submissions
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION submissions_spent();

-- The first submissions of a batch, sent and followed to their end before the rest may go. Null until a
-- night has looked at the batch, 'none' when it was too small to need one.
ALTER TABLE batches ADD COLUMN canary text
    CHECK (canary IN ('none', 'open', 'passed', 'failed'));
CREATE INDEX batches_to_judge ON batches (target_id) WHERE canary IS NULL OR canary = 'open';
CREATE TABLE canaries (
    submission_id bigint PRIMARY KEY,
    batch_id bigint NOT NULL REFERENCES batches
);
-- count_canaries.sql
CREATE INDEX canaries_of_batch ON canaries (batch_id);

-- migrate:down
DROP TABLE canaries;
DROP INDEX batches_to_judge;
ALTER TABLE batches DROP COLUMN canary;
DROP TRIGGER submissions_spent ON submissions;
DROP FUNCTION submissions_spent();
DROP FUNCTION bound_amount(text, numeric);
DROP TABLE spending;
ALTER TABLE submissions DROP CONSTRAINT amount_has_its_period;
ALTER TABLE submissions DROP COLUMN spent_on;
ALTER TABLE submissions DROP COLUMN run_id;
ALTER TABLE submissions DROP COLUMN amount;
ALTER TABLE submissions DROP COLUMN seconds;
ALTER TABLE submissions DROP COLUMN price;
ALTER TABLE submissions DROP COLUMN currency;
