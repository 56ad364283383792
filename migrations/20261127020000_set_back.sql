-- migrate:up

-- The priority that a row had before it was set behind all others: it was refused as if the account
-- were, or was proven absent. Null: it stands where its list put it.
ALTER TABLE submissions ADD COLUMN set_back_from smallint;

-- passed_since: attempts are written in the order of their time, so a summary of each block is enough.
CREATE INDEX attempts_by_time ON attempts USING brin (begun_at) WITH (autosummarize = on);

-- How many requests for a type, begun after a moment, were given a job; it stops counting at most_wanted.
-- Each is looked up by its id: any other plan reads the whole ledger.
CREATE FUNCTION passed_since(target integer, wanted_type text, moment timestamptz, most_wanted integer)
RETURNS bigint LANGUAGE sql STABLE
    SET enable_seqscan = off SET jit = off SET search_path = public, pg_temp AS $$
    SELECT count(*)
      FROM (SELECT FROM attempts t
             WHERE t.begun_at > moment AND t.outcome = 'accepted'
               AND (SELECT s.target_id = target AND s.job_type = wanted_type
                      FROM submissions s WHERE s.id = t.submission_id)
             LIMIT most_wanted) p
$$;

-- migrate:down
DROP FUNCTION passed_since(integer, text, timestamptz, integer);
DROP INDEX attempts_by_time;
ALTER TABLE submissions DROP COLUMN set_back_from;
