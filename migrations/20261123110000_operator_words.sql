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

-- The row's own mark keeps a held row out of the index that begin.sql walks: millions of them at the
-- head of the queue then cost a begin nothing.
ALTER TABLE submissions ADD COLUMN hold_id bigint;
DROP INDEX submissions_begin;
CREATE INDEX submissions_begin ON submissions (target_id, priority DESC, id)
    WHERE state = 'pending' AND hold_id IS NULL;
-- release_batch.sql, list_holds.sql
CREATE INDEX submissions_on_hold ON submissions (hold_id) WHERE hold_id IS NOT NULL;

-- Who had this attempt's submission sent again although its job exists: the job failed, so it is free
-- (vod-api.md 1.6) and no duplicate charge.
ALTER TABLE attempts ADD COLUMN closed_by text;
ALTER TABLE attempts ADD CONSTRAINT closed_has_job CHECK (closed_by IS NULL OR job_id IS NOT NULL);

-- One word may move millions of rows. A LIMIT, or a plan that a session keeps from a begin of 32 rows,
-- made the trigger compare every old row with every new one.
CREATE OR REPLACE FUNCTION submissions_moved() RETURNS trigger LANGUAGE plpgsql
    SET enable_nestloop = off AS $$
DECLARE
    bad record;
BEGIN
    SELECT o.id, o.state AS from_state, n.state AS to_state, o.lease AS old_lease, n.lease AS new_lease
      INTO bad
      FROM old_rows o JOIN new_rows n USING (id)
     WHERE n.lease < o.lease
        OR (o.state <> n.state AND NOT EXISTS (
               SELECT FROM transitions t WHERE t.from_state = o.state AND t.to_state = n.state));
    IF FOUND THEN
        RAISE EXCEPTION 'submission %: % (lease %) may not become % (lease %)',
            bad.id, bad.from_state, bad.old_lease, bad.to_state, bad.new_lease
            USING ERRCODE = 'check_violation', CONSTRAINT = 'submissions_transition';
    END IF;
    INSERT INTO submission_history (submission_id, from_state, to_state, lease, actor, reason)
    SELECT n.id, o.state, n.state, n.lease, n.actor, n.reason
      FROM old_rows o JOIN new_rows n USING (id)
     WHERE o.state <> n.state;
    RETURN NULL;
END
$$;

-- migrate:down
CREATE OR REPLACE FUNCTION submissions_moved() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    bad record;
BEGIN
    SELECT o.id, o.state AS from_state, n.state AS to_state, o.lease AS old_lease, n.lease AS new_lease
      INTO bad
      FROM old_rows o JOIN new_rows n USING (id)
     WHERE n.lease < o.lease
        OR (o.state <> n.state AND NOT EXISTS (
               SELECT FROM transitions t WHERE t.from_state = o.state AND t.to_state = n.state))
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'submission %: % (lease %) may not become % (lease %)',
            bad.id, bad.from_state, bad.old_lease, bad.to_state, bad.new_lease
            USING ERRCODE = 'check_violation', CONSTRAINT = 'submissions_transition';
    END IF;
    INSERT INTO submission_history (submission_id, from_state, to_state, lease, actor, reason)
    SELECT n.id, o.state, n.state, n.lease, n.actor, n.reason
      FROM old_rows o JOIN new_rows n USING (id)
     WHERE o.state <> n.state;
    RETURN NULL;
END
$$;
ALTER TABLE attempts DROP CONSTRAINT closed_has_job;
ALTER TABLE attempts DROP COLUMN closed_by;
DROP INDEX submissions_on_hold;
DROP INDEX submissions_begin;
CREATE INDEX submissions_begin ON submissions (target_id, priority DESC, id)
    WHERE state = 'pending';
ALTER TABLE submissions DROP COLUMN hold_id;
DROP TABLE hold_rows;
DROP TABLE holds;
