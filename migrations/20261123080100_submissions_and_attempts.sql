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
    due_at timestamptz NOT NULL DEFAULT now(),
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
    CONSTRAINT submissions_once UNIQUE (media_id, job_type, target_id, config_key, campaign),
    CONSTRAINT config_has_its_key CHECK ((config IS NULL) = (config_key = '')),
    CONSTRAINT job_known_when_submitted CHECK (
        (job_id IS NOT NULL) = (state IN ('submitted', 'succeeded', 'failed'))),
    CONSTRAINT submitted_at_with_job CHECK ((submitted_at IS NOT NULL) = (job_id IS NOT NULL)),
    CONSTRAINT finished_at_when_terminal CHECK (
        (finished_at IS NOT NULL) = (state IN ('succeeded', 'failed', 'rejected', 'dead', 'cancelled'))),
    CONSTRAINT submitting_has_worker CHECK (state <> 'submitting' OR worker_id IS NOT NULL),
    CONSTRAINT rejected_has_code CHECK (state NOT IN ('rejected', 'dead') OR error_code IS NOT NULL)
) WITH (autovacuum_vacuum_scale_factor = 0.05);

-- begin.sql walks the due rows in sending order: priority, then the manifest's own order, which the
-- ids follow.
CREATE INDEX submissions_begin ON submissions (target_id, priority DESC, id)
    WHERE state = 'pending';
-- expire.sql and the end of a run look at what is held.
CREATE INDEX submissions_held ON submissions (worker_id) WHERE state = 'submitting';

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
    PRIMARY KEY (submission_id, lease),
    CONSTRAINT ended_with_outcome CHECK ((ended_at IS NULL) = (outcome IS NULL)),
    CONSTRAINT accepted_has_job CHECK (outcome <> 'accepted' OR job_id IS NOT NULL)
) WITH (fillfactor = 85);

-- migrate:down
DROP TABLE attempts;
DROP TABLE submissions;
DROP TABLE workers;
