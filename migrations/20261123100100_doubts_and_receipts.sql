-- migrate:up

-- What was learnt about a target's cloud by asking it, with its date (vod-api.md 12.3, 12.4).
ALTER TABLE targets ADD COLUMN replay_confirmed_at timestamptz;

-- What reconcile tried for an attempt in doubt.
ALTER TABLE attempts ADD COLUMN replayed_at timestamptz;
ALTER TABLE submissions ADD COLUMN looked_up_at timestamptz;
ALTER TABLE submissions ADD COLUMN polled_at timestamptz;

-- find_attempts.sql: a nonce names its request, in the journal and in events.
CREATE INDEX attempts_by_nonce ON attempts (nonce);
-- list_doubts.sql
CREATE INDEX submissions_in_doubt ON submissions (target_id, id) WHERE state = 'in_doubt';
-- list_open_jobs.sql polls the longest unasked first
CREATE INDEX submissions_open_jobs ON submissions (target_id, polled_at NULLS FIRST, id)
    WHERE state = 'submitted';
-- known_jobs.sql, find_job.sql: whose JobId is this?
CREATE INDEX submissions_by_job ON submissions (job_id) WHERE job_id IS NOT NULL;
CREATE INDEX attempts_by_job ON attempts (job_id) WHERE job_id IS NOT NULL;
-- list_receipts.sql: answers that held more JobIds than were asked for
CREATE INDEX attempts_with_extra_jobs ON attempts (submission_id) WHERE extra_job_ids IS NOT NULL;
-- list_receipts.sql: submissions that more than one accepted attempt paid for
CREATE INDEX attempts_later_jobs ON attempts (submission_id) WHERE job_id IS NOT NULL AND lease > 1;

-- How far each worker's journal is known to this database. A restored backup forgets the newer
-- marks, so the journal is read again from there.
CREATE TABLE journals (
    id uuid PRIMARY KEY,
    applied_bytes bigint NOT NULL CHECK (applied_bytes >= 0),
    applied_at timestamptz NOT NULL DEFAULT now()
);

-- migrate:down
DROP TABLE journals;
DROP INDEX attempts_later_jobs;
DROP INDEX attempts_with_extra_jobs;
DROP INDEX attempts_by_job;
DROP INDEX submissions_by_job;
DROP INDEX submissions_open_jobs;
DROP INDEX submissions_in_doubt;
DROP INDEX attempts_by_nonce;
ALTER TABLE submissions DROP COLUMN polled_at;
ALTER TABLE submissions DROP COLUMN looked_up_at;
ALTER TABLE attempts DROP COLUMN replayed_at;
ALTER TABLE targets DROP COLUMN replay_confirmed_at;
