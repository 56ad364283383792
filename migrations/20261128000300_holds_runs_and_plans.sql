-- migrate:up

-- What an operator, or a canary, keeps from being sent: who, when, why, and who let it go again. An
-- open hold of a target or of a batch counts by being here; nothing else says so.
CREATE TABLE holds (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    target_id integer NOT NULL REFERENCES targets,
    scope text NOT NULL CHECK (scope IN ('target', 'batch', 'rows')),
    batch_id bigint REFERENCES batches,
    held_at timestamptz NOT NULL DEFAULT now(),
    held_by text NOT NULL,
    reason text NOT NULL,
    released_at timestamptz,
    released_by text,
    release_reason text,
    CONSTRAINT batch_of_a_batch_hold CHECK ((batch_id IS NOT NULL) = (scope = 'batch')),
    CONSTRAINT released_by_somebody CHECK ((released_at IS NULL) = (released_by IS NULL))
);
-- One open hold of each; begin.sql asks by these.
CREATE UNIQUE INDEX holds_of_target ON holds (target_id)
    WHERE scope = 'target' AND released_at IS NULL;
CREATE UNIQUE INDEX holds_of_batch ON holds (target_id, batch_id)
    WHERE scope = 'batch' AND released_at IS NULL;

-- Submissions that were held one by one, kept after their release: the hold's part of their story.
CREATE TABLE hold_rows (
    submission_id bigint NOT NULL,
    hold_id bigint NOT NULL REFERENCES holds,
    released_at timestamptz,
    released_by text,
    PRIMARY KEY (submission_id, hold_id)
);

-- Every run: its settings, what it did, why it stopped.
CREATE TABLE runs (
    id uuid PRIMARY KEY,
    target_id integer NOT NULL REFERENCES targets,
    kind text NOT NULL CHECK (kind IN ('nightly', 'submit')),
    started_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    host text NOT NULL,
    pid integer NOT NULL,
    settings jsonb NOT NULL,
    stopped_by text,
    exit_code integer,
    worst_second integer,
    facts jsonb,
    CONSTRAINT runs_ended_whole CHECK ((ended_at IS NULL) = (exit_code IS NULL))
);
-- find_holder.sql, newest_run.sql
CREATE INDEX runs_newest ON runs (target_id, started_at DESC);

-- What a run may send, where it may not send all: exactly the submissions that were due when the hash of
-- `submit --plan` was held against them, or a night's canaries. Neighbouring ids make one range, so a
-- list is one and a plan of millions is a few bytes.
CREATE TABLE plans (
    id uuid PRIMARY KEY,
    target_id integer NOT NULL REFERENCES targets,
    hash text NOT NULL,
    ids int8multirange NOT NULL,
    -- The least priority of these rows: a begin that keeps to a few at the front need not walk through
    -- all that lie behind them.
    least_priority smallint NOT NULL DEFAULT -32768,
    made_at timestamptz NOT NULL DEFAULT now()
);

-- What the cloud answered and no document of ours knows (a code, a status, a type): kept, counted, and
-- reported once a night with an example. It never proves anything.
CREATE TABLE unseen_words (
    target_id integer NOT NULL REFERENCES targets,
    action text COLLATE "C" NOT NULL,
    field text COLLATE "C" NOT NULL,
    word text COLLATE "C" NOT NULL,
    -- A media, job or request that showed it last.
    example text NOT NULL,
    times bigint NOT NULL CHECK (times > 0),
    first_seen_at timestamptz NOT NULL DEFAULT now(),
    last_seen_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (target_id, action, field, word)
);

-- Whether a transaction was committed, for a command whose line was cut before the answer: one row a
-- command, with the number of the last of its transactions that did something not to be done twice.
CREATE TABLE commit_marks (
    id uuid PRIMARY KEY,
    number bigint NOT NULL,
    marked_at timestamptz NOT NULL DEFAULT now()
);

-- No command waits so long for an answer: its row goes when another command comes. With the rights of
-- the owner: nobody else can delete a row.
CREATE FUNCTION commit_marks_forgotten() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET jit = off SET search_path = public, pg_temp AS $$
BEGIN
    DELETE FROM commit_marks
     WHERE id = ANY (ARRAY(SELECT id FROM commit_marks WHERE marked_at < now() - interval '7 days'
                              FOR UPDATE SKIP LOCKED));
    RETURN NULL;
END $$;

CREATE TRIGGER commit_marks_forgotten AFTER INSERT ON commit_marks
    FOR EACH ROW EXECUTE FUNCTION commit_marks_forgotten();

-- migrate:down
DROP TABLE commit_marks;
DROP FUNCTION commit_marks_forgotten();
DROP TABLE unseen_words;
DROP TABLE plans;
DROP TABLE runs;
DROP TABLE hold_rows;
DROP TABLE holds;
