-- migrate:up

-- One process that submits: a random id, never a host name.
CREATE TABLE workers (
    id uuid PRIMARY KEY,
    target_id integer NOT NULL REFERENCES targets,
    started_at timestamptz NOT NULL DEFAULT now(),
    heartbeat_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    host text NOT NULL,
    pid integer NOT NULL
);

-- How far each worker's journal is known to this database. A restored backup forgets the newer
-- marks, so the journal is read again from there.
CREATE TABLE journals (
    id uuid PRIMARY KEY,
    applied_bytes bigint NOT NULL CHECK (applied_bytes >= 0),
    applied_at timestamptz NOT NULL DEFAULT now()
);

-- One media, one type, one configuration, in one target, under one campaign.
-- No foreign keys and no pattern on the id here: they took more than half of a load's time. Rows come
-- in by one statement, in the transaction that makes their batch, from ids that intake has checked.
CREATE TABLE submissions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    target_id integer NOT NULL,
    batch_id bigint NOT NULL,
    line bigint NOT NULL CHECK (line > 0),
    media_id text COLLATE "C" NOT NULL CHECK (length(media_id) BETWEEN 1 AND 64),
    job_type text COLLATE "C" NOT NULL CHECK (job_type IN ('AIMediaDNA', 'AIVideoTag')),
    config_key text COLLATE "C" NOT NULL,
    campaign text COLLATE "C" NOT NULL,
    config text,
    user_data text,
    priority smallint NOT NULL,
    state text NOT NULL DEFAULT 'pending' CHECK (state IN (
        'pending', 'submitting', 'submitted', 'in_doubt',
        'succeeded', 'failed', 'rejected', 'dead', 'cancelled')),
    -- The last mover and why, written with every move; the history trigger copies both.
    actor text NOT NULL DEFAULT 'load',
    reason text,
    -- A row that nobody has put off is due at once, whatever a clock says later.
    due_at timestamptz NOT NULL DEFAULT to_timestamp(0),
    -- The fence: it only rises, on every claim. attempts is what the retry limit counts and may be reset.
    lease bigint NOT NULL DEFAULT 0 CHECK (lease >= 0),
    attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0 AND attempts <= lease),
    worker_id uuid,
    job_id text,
    request_id text,
    error_code text,
    error_message text,
    submitted_at timestamptz,
    finished_at timestamptz,
    looked_up_at timestamptz,
    polled_at timestamptz,
    -- The row's own mark keeps a held row out of the index that begin.sql walks: millions of them at the
    -- head of the queue then cost a begin nothing.
    hold_id bigint,
    -- What it may cost, written with its intent: the price of a minute and the length that were known
    -- then, the run and the day that answer for it. The amount is the most it can be charged.
    currency text,
    price numeric CHECK (price >= 0),
    seconds numeric CHECK (seconds >= 0),
    amount numeric CHECK (amount >= 0),
    run_id uuid,
    spent_on date,
    -- Whether the last answer to a rejected or dead submission proves that no job exists: a documented
    -- refusal, or a request that never left. Null: nobody knows.
    refusal_is_certain boolean,
    -- The lease whose request was sent once more. It is on the row itself, where whatever moves the row must
    -- meet it: an answer of the first sender that nothing was sent is then too late.
    replayed_lease bigint,
    -- A request of it may have made a job, and it cannot be in doubt yet, because another submission of
    -- its media and type is on the wire or in doubt: it is not sent, and comes into doubt afterwards.
    is_waiting boolean,
    -- The priority that a row had before it was set behind all others: it was refused as if the account
    -- were, or was proven absent. Null: its place is where its list put it.
    set_back_from smallint,
    CONSTRAINT submissions_once UNIQUE (media_id, job_type, target_id, config_key, campaign),
    -- A configuration that says nothing of the type has the empty key too (core/configuration.py).
    CONSTRAINT config_has_its_key CHECK (config IS NOT NULL OR config_key = ''),
    CONSTRAINT job_known_when_submitted CHECK (
        (job_id IS NOT NULL) = (state IN ('submitted', 'succeeded', 'failed'))),
    CONSTRAINT submitted_at_with_job CHECK ((submitted_at IS NOT NULL) = (job_id IS NOT NULL)),
    CONSTRAINT finished_at_when_terminal CHECK (
        (finished_at IS NOT NULL) = (state IN ('succeeded', 'failed', 'rejected', 'dead', 'cancelled'))),
    CONSTRAINT submitting_has_worker CHECK (state <> 'submitting' OR worker_id IS NOT NULL),
    CONSTRAINT rejected_has_code CHECK (state NOT IN ('rejected', 'dead') OR error_code IS NOT NULL),
    CONSTRAINT amount_has_its_period CHECK (
        amount IS NULL
        OR (currency IS NOT NULL AND price IS NOT NULL AND run_id IS NOT NULL AND spent_on IS NOT NULL))
) WITH (autovacuum_vacuum_scale_factor = 0.05);

-- expire.sql and the end of a run look at what a worker has on the wire.
CREATE INDEX submissions_on_wire ON submissions (worker_id) WHERE state = 'submitting';
-- list_doubts.sql
CREATE INDEX submissions_in_doubt ON submissions (target_id, id) WHERE state = 'in_doubt';
-- list_open_jobs.sql polls the longest unasked first
CREATE INDEX submissions_open_jobs ON submissions (target_id, polled_at NULLS FIRST, id)
    WHERE state = 'submitted';
-- release_batch.sql, list_holds.sql
CREATE INDEX submissions_on_hold ON submissions (hold_id) WHERE hold_id IS NOT NULL;
-- list_lengthless.sql, correct_amounts.sql: what was sent before its length was known
CREATE INDEX submissions_lengthless ON submissions (target_id, id)
    WHERE seconds IS NULL AND price IS NOT NULL
      AND state IN ('in_doubt', 'submitted', 'succeeded');
-- admit_waiting.sql
CREATE INDEX submissions_waiting ON submissions (target_id) WHERE is_waiting;
-- Two requests of one media and type on the wire could not be distinguished afterwards.
CREATE UNIQUE INDEX submissions_one_in_flight ON submissions (media_id, job_type, target_id)
    WHERE state IN ('submitting', 'in_doubt');
-- A job is one submission's. known_jobs.sql and others ask by JobId alone.
CREATE UNIQUE INDEX submissions_one_job ON submissions (job_id, target_id) WHERE job_id IS NOT NULL;
-- The line in which begin.sql and others walk, in one direction: a walk then goes on from any place of it.
-- Of two directions, the planner took the ids' own index instead, and met all that was sent before.
CREATE INDEX submissions_begin ON submissions (target_id, (-(priority::integer)), id)
    WHERE state = 'pending' AND hold_id IS NULL;
-- Each of the next three is for the statements that say its condition in its own odd words. In plain words
-- begin and record would meet them too, and a planner that thinks them empty reads the whole of one.
-- open_canaries.sql, mark_held_batch.sql: the first of a batch, wherever its place in the queue.
CREATE INDEX submissions_of_batch ON submissions (batch_id, (-(priority::integer)), id)
    WHERE (state = 'pending') IS TRUE AND hold_id IS NULL;
-- outlook.sql: what is due next. Most rows were never put off and share one moment.
CREATE INDEX submissions_due ON submissions (target_id, due_at)
    WHERE (state = 'pending') IS NOT FALSE AND hold_id IS NULL AND is_waiting IS NOT TRUE;
-- newest_jobs.sql
CREATE INDEX submissions_newest_jobs ON submissions (target_id, job_type, submitted_at)
    WHERE submitted_at IS NOT NULL;
-- count_unknown_jobs.sql, list_owned.sql
CREATE INDEX submissions_open_errors ON submissions (target_id, error_code)
    WHERE state = 'submitted' AND error_code IS NOT NULL;

-- One request for a submission, inserted before it is sent: the intent. Two types of one media that
-- went in one request share nonce and signed_at.
CREATE TABLE attempts (
    submission_id bigint NOT NULL,
    lease bigint NOT NULL CHECK (lease > 0),
    worker_id uuid NOT NULL,
    nonce text NOT NULL CHECK (length(nonce) = 32),
    signed_at timestamptz NOT NULL,
    begun_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    outcome text CHECK (outcome IN (
        'accepted', 'throttled', 'refused', 'not_sent', 'in_doubt', 'account_stopped')),
    http_status integer,
    code text,
    message text,
    request_id text,
    job_id text,
    -- Further JobIds that the same answer held: receipts, never dropped.
    extra_job_ids text[],
    replayed_at timestamptz,
    -- Who had this attempt's submission sent again although its job exists: the job failed, so it is free
    -- (vod-api.md 1.6) and no duplicate charge.
    closed_by text,
    -- A JobId that came when its submission had moved on: given up and begun again, cancelled, refused.
    -- Such a job is paid and nobody's, so it must be found without reading every attempt.
    is_stray boolean,
    -- The key that a request was signed with: a gateway that keeps nonces per key runs the same request
    -- under another key once more.
    access_key_id text,
    -- When it was proven, or an operator said, that no job came of the request.
    absent_at timestamptz,
    PRIMARY KEY (submission_id, lease),
    CONSTRAINT ended_with_outcome CHECK ((ended_at IS NULL) = (outcome IS NULL)),
    CONSTRAINT accepted_has_job CHECK (outcome <> 'accepted' OR job_id IS NOT NULL),
    CONSTRAINT closed_has_job CHECK (closed_by IS NULL OR job_id IS NOT NULL)
) WITH (fillfactor = 85);

-- find_attempts.sql: a nonce names its request, in the journal and in events.
CREATE INDEX attempts_by_nonce ON attempts (nonce);
-- known_jobs.sql: whose JobId is this?
CREATE INDEX attempts_by_job ON attempts (job_id) WHERE job_id IS NOT NULL;
-- list_receipts.sql: answers that held more JobIds than were asked for
CREATE INDEX attempts_with_extra_jobs ON attempts (submission_id) WHERE extra_job_ids IS NOT NULL;
-- list_receipts.sql: submissions that more than one accepted attempt paid for
CREATE INDEX attempts_later_jobs ON attempts (submission_id) WHERE job_id IS NOT NULL AND lease > 1;
-- begin.sql, adopt_strays.sql, list_receipts.sql
CREATE INDEX attempts_stray ON attempts (submission_id) WHERE is_stray;
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

-- Whether this transaction, and no other one, may put a submission of the media and type on the wire or
-- in doubt. A statement sees what was committed before it began; this looks again, once no other can
-- claim the same, so two that claim at once never meet at the index. The lock ends with the
-- transaction.
CREATE FUNCTION may_go_in_flight(target integer, media text, type text) RETURNS boolean
    LANGUAGE plpgsql COST 1000 SET jit = off SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtextextended(media || ' ' || type, target)) THEN
        RETURN false;
    END IF;
    RETURN NOT EXISTS (SELECT FROM submissions s
                        WHERE s.media_id = media COLLATE "C" AND s.job_type = type COLLATE "C"
                          AND s.target_id = target AND s.state IN ('submitting', 'in_doubt'));
END
$$;

-- What becomes of a rejected or dead submission that is tried again: it is 'due'; or in 'doubt', since
-- a job may exist; or it 'waits', since of one media and type one doubt at a time can be settled
-- from the others, the oldest first.
CREATE FUNCTION retry_way(s submissions) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN coalesce(s.refusal_is_certain, s.lease = 0) THEN 'due'
        WHEN EXISTS (
            SELECT FROM submissions u
             WHERE u.target_id = s.target_id AND u.media_id = s.media_id
               AND u.job_type = s.job_type AND u.id <> s.id
               AND (u.state IN ('submitting', 'in_doubt')
                    OR (u.id < s.id AND u.state IN ('rejected', 'dead')
                        AND NOT coalesce(u.refusal_is_certain, u.lease = 0))))
        THEN 'waits'
        ELSE 'doubt' END
$$;

-- migrate:down
DROP FUNCTION retry_way(submissions);
DROP FUNCTION may_go_in_flight(integer, text, text);
DROP FUNCTION passed_since(integer, text, timestamptz, integer);
DROP TABLE attempts;
DROP TABLE submissions;
DROP TABLE journals;
DROP TABLE workers;
