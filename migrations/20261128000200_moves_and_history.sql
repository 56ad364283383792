-- migrate:up

-- The allowed moves, as in core/states.py and docs/states.md.
CREATE TABLE transitions (
    from_state text NOT NULL,
    to_state text NOT NULL,
    PRIMARY KEY (from_state, to_state)
);
INSERT INTO transitions (from_state, to_state) VALUES
    ('pending', 'submitting'),
    ('pending', 'submitted'),
    ('pending', 'rejected'),
    ('pending', 'cancelled'),
    ('submitting', 'submitted'),
    ('submitting', 'in_doubt'),
    ('submitting', 'pending'),
    ('submitting', 'rejected'),
    ('submitting', 'dead'),
    ('in_doubt', 'submitted'),
    ('in_doubt', 'pending'),
    ('in_doubt', 'rejected'),
    ('in_doubt', 'dead'),
    ('submitted', 'succeeded'),
    ('submitted', 'failed'),
    ('submitted', 'in_doubt'),
    ('failed', 'pending'),
    ('rejected', 'pending'),
    ('rejected', 'in_doubt'),
    ('dead', 'pending'),
    ('dead', 'in_doubt');

-- Every move of every submission, written by the trigger so that no path can forget it.
CREATE TABLE submission_history (
    submission_id bigint NOT NULL,
    id bigint GENERATED ALWAYS AS IDENTITY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    from_state text NOT NULL,
    to_state text NOT NULL,
    lease bigint NOT NULL,
    actor text NOT NULL,
    reason text,
    PRIMARY KEY (submission_id, id)
);

-- Once a statement, not once a row: begin and record move many rows at a time, and one word millions. A
-- LIMIT, or a plan that a session keeps from a begin of 32 rows, made this compare every old row with
-- every new one. A stock server compiles what it thinks expensive, which takes longer than all of its work.
CREATE FUNCTION submissions_moved() RETURNS trigger LANGUAGE plpgsql
    SET enable_nestloop = off SET jit = off SET search_path = public, pg_temp AS $$
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
CREATE TRIGGER submissions_moved AFTER UPDATE ON submissions
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION submissions_moved();

CREATE FUNCTION submissions_start_pending() RETURNS trigger LANGUAGE plpgsql
    SET jit = off SET search_path = public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'a submission starts as pending, not as %', NEW.state
        USING ERRCODE = 'check_violation', CONSTRAINT = 'submissions_transition';
END
$$;
-- The WHEN clause keeps the load at full speed: the function runs for a wrong row only.
CREATE TRIGGER submissions_start_pending BEFORE INSERT ON submissions
    FOR EACH ROW WHEN (NEW.state <> 'pending') EXECUTE FUNCTION submissions_start_pending();

-- migrate:down
DROP TRIGGER submissions_start_pending ON submissions;
DROP TRIGGER submissions_moved ON submissions;
DROP FUNCTION submissions_start_pending();
DROP FUNCTION submissions_moved();
DROP TABLE submission_history;
DROP TABLE transitions;
