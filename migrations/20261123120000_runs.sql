-- migrate:up

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
-- find_holder.sql, list_runs.sql
CREATE INDEX runs_newest ON runs (target_id, started_at DESC);

-- migrate:down
DROP TABLE runs;
