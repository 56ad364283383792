-- migrate:up

-- A configuration that says nothing of the type has the empty key too (core/configuration.py). Keys of
-- rows that are here stay as they are: what they were begun under, journals may name.
ALTER TABLE submissions DROP CONSTRAINT config_has_its_key;
ALTER TABLE submissions ADD CONSTRAINT config_has_its_key CHECK (config IS NOT NULL OR config_key = '');

-- A request of it may have made a job, and it cannot be in doubt yet, because another submission of its
-- media and type is on the wire or in doubt: it is not sent, and comes into doubt afterwards.
ALTER TABLE submissions ADD COLUMN is_waiting boolean;
-- admit_waiting.sql
CREATE INDEX submissions_waiting ON submissions (target_id) WHERE is_waiting;

-- Rows of before that share a JobId: the oldest keeps it, the others are in doubt. Two of these moves
-- are nobody else's, so the trigger does not see them; their JobId stays on their attempt.
ALTER TABLE submissions DISABLE TRIGGER submissions_moved;
WITH twin AS MATERIALIZED (
    SELECT s.id, s.state
      FROM submissions s
     WHERE s.job_id IS NOT NULL
       AND EXISTS (SELECT FROM submissions k
                    WHERE k.job_id = s.job_id AND k.target_id = s.target_id AND k.id < s.id)
),
moved AS (
    UPDATE submissions s
       SET state = 'in_doubt', actor = 'migrate', reason = 'its JobId is another submission''s',
           job_id = NULL, submitted_at = NULL, finished_at = NULL, polled_at = NULL,
           error_code = 'in_doubt', error_message = 'its JobId is another submission''s'
      FROM twin
     WHERE s.id = twin.id
    RETURNING s.id, s.lease, s.actor, s.reason, twin.state AS from_state
)
INSERT INTO submission_history (submission_id, from_state, to_state, lease, actor, reason)
SELECT m.id, m.from_state, 'in_doubt', m.lease, m.actor, m.reason FROM moved m;
ALTER TABLE submissions ENABLE TRIGGER submissions_moved;

-- Rows of before that are on the wire or in doubt beside another one: the oldest stays.
UPDATE submissions s
   SET state = 'pending', actor = 'migrate', is_waiting = true,
       reason = 'perhaps sent; another submission of its media and type is settled first'
 WHERE s.state IN ('submitting', 'in_doubt')
   AND EXISTS (SELECT FROM submissions k
                WHERE k.media_id = s.media_id AND k.job_type = s.job_type
                  AND k.target_id = s.target_id AND k.id < s.id
                  AND k.state IN ('submitting', 'in_doubt'));

-- Two requests of one media and type on the wire could not be told apart afterwards.
CREATE UNIQUE INDEX submissions_one_in_flight ON submissions (media_id, job_type, target_id)
    WHERE state IN ('submitting', 'in_doubt');
-- A job is one submission's. known_jobs.sql and others ask by JobId alone.
CREATE UNIQUE INDEX submissions_one_job ON submissions (job_id, target_id) WHERE job_id IS NOT NULL;
DROP INDEX submissions_by_job;

-- Whether this transaction, and no other one, may put a submission of the media and type on the wire or
-- in doubt. A statement sees what was committed before it began; this looks again, once no other can
-- claim the same, so two that claim at once never meet at the index. The lock ends with the
-- transaction.
CREATE FUNCTION may_go_in_flight(target integer, media text, type text) RETURNS boolean
    LANGUAGE plpgsql COST 1000 SET jit = off AS $$
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtextextended(media || ' ' || type, target)) THEN
        RETURN false;
    END IF;
    RETURN NOT EXISTS (SELECT FROM submissions s
                        WHERE s.media_id = media COLLATE "C" AND s.job_type = type COLLATE "C"
                          AND s.target_id = target AND s.state IN ('submitting', 'in_doubt'));
END
$$;

-- migrate:down
DROP FUNCTION may_go_in_flight(integer, text, text);
CREATE INDEX submissions_by_job ON submissions (job_id) WHERE job_id IS NOT NULL;
DROP INDEX submissions_one_job;
DROP INDEX submissions_one_in_flight;
DROP INDEX submissions_waiting;
ALTER TABLE submissions DROP COLUMN is_waiting;
ALTER TABLE submissions DROP CONSTRAINT config_has_its_key;
ALTER TABLE submissions ADD CONSTRAINT config_has_its_key
    CHECK ((config IS NULL) = (config_key = '')) NOT VALID;
