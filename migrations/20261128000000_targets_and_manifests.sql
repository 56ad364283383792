-- migrate:up

-- One account and region of the cloud: it has one quota and one cooldown.
CREATE TABLE targets (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account text NOT NULL,
    region text NOT NULL,
    -- What kind of server got this target's first call: a ledger filled against a stand-in must not
    -- be taken for work that the cloud has done.
    service text CHECK (service IN ('cloud', 'stand-in')),
    -- A throttling answer is a fact about the account, so it is kept here and not on a row.
    cooldown_until timestamptz,
    -- How long the cooldown was to last when it was set; an hour is the longest there is.
    cooldown_length interval NOT NULL DEFAULT '1 hour',
    -- GCRA: the moment at which the next send of this target may leave, by the database's clock. Every
    -- worker of the target takes its slots from here, so the sum of their rates is the quota.
    next_slot_at timestamptz,
    -- How far ahead next_slot_at lay when it was last moved. Time that passes only makes this and a
    -- cooldown shorter, so more than that means a clock that was set back.
    slots_lead interval NOT NULL DEFAULT '0',
    -- What was learnt about the target's cloud by asking it (vod-api.md 12.3, 12.4; core/learnt.py).
    replay_confirmed_at timestamptz,
    learnt jsonb,
    -- Prices and budgets that a file or a variable has named, by the setting (settings/terms.py): a run in
    -- another folder must not lose them.
    terms jsonb,
    -- An operator's word that this ledger may pay for media that the cloud knows jobs of already. Without
    -- it the first run of a target looks for such jobs, lest a ledger made by accident pay for all again.
    first_run_accepted_at timestamptz,
    first_run_accepted_by text,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT targets_account_region UNIQUE (account, region)
);

-- One import of one manifest.
CREATE TABLE batches (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    target_id integer NOT NULL REFERENCES targets,
    campaign text NOT NULL,
    source text NOT NULL,
    sha256 text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    -- The load's options that change what a line means; the same file under other options is other work.
    options jsonb NOT NULL,
    loaded_at timestamptz NOT NULL DEFAULT now(),
    lines bigint NOT NULL CHECK (lines >= 0),
    rows bigint NOT NULL CHECK (rows >= 0),
    quarantined bigint NOT NULL CHECK (quarantined >= 0),
    quarantine_path text,
    submissions bigint NOT NULL CHECK (submissions >= 0),
    duplicates_in_file bigint NOT NULL CHECK (duplicates_in_file >= 0),
    duplicates_across_files bigint NOT NULL CHECK (duplicates_across_files >= 0),
    duplicates_submitted bigint NOT NULL CHECK (duplicates_submitted >= 0),
    -- Null until a night has looked at the batch, 'none' when it was too small to need one.
    canary text CHECK (canary IN ('none', 'open', 'passed', 'failed')),
    CONSTRAINT batches_known_file UNIQUE (target_id, campaign, sha256, options),
    CONSTRAINT quarantined_lines_have_a_file CHECK ((quarantined = 0) = (quarantine_path IS NULL))
);
CREATE INDEX batches_to_judge ON batches (target_id) WHERE canary IS NULL OR canary = 'open';

-- The first submissions of a batch, sent and followed to their end before the rest may go.
CREATE TABLE canaries (
    submission_id bigint PRIMARY KEY,
    batch_id bigint NOT NULL REFERENCES batches
);
-- count_canaries.sql
CREATE INDEX canaries_of_batch ON canaries (batch_id);

-- What a free look at a media showed (GetVideoInfos): whether a paid job makes sense, and how long it
-- is charged for.
CREATE TABLE media (
    target_id integer NOT NULL REFERENCES targets,
    media_id text COLLATE "C" NOT NULL,
    status text NOT NULL,
    duration_seconds numeric(12, 3) CHECK (duration_seconds >= 0),
    checked_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (target_id, media_id)
);
-- failed_statuses.sql, put_off_status.sql. Not by target first: of a target whose rows came after the last
-- ANALYZE the planner expects one, and would walk all of them here for each look-up by media id.
CREATE INDEX media_by_status ON media (lower(status), target_id);

-- Free looks at which jobs the cloud has of a media already (ListJobInfo), before one is paid for. A look
-- holds for some days, and for minutes only while one of the jobs has not ended.
CREATE TABLE job_looks (
    target_id integer NOT NULL REFERENCES targets,
    media_id text COLLATE "C" NOT NULL,
    looked_at timestamptz NOT NULL DEFAULT now(),
    holds_until timestamptz NOT NULL,
    PRIMARY KEY (target_id, media_id)
);

-- What they showed: jobs that succeeded or still run, with the configuration that the cloud names.
CREATE TABLE found_jobs (
    target_id integer NOT NULL REFERENCES targets,
    job_id text COLLATE "C" NOT NULL,
    media_id text COLLATE "C" NOT NULL,
    job_type text COLLATE "C" NOT NULL,
    is_open boolean NOT NULL,
    config text,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (target_id, job_id)
);
-- find_existing.sql
CREATE INDEX found_jobs_of_media ON found_jobs (target_id, media_id);

-- The lists of which some media were looked at before their first send, by type; after a hit all are.
CREATE TABLE sampled_lists (
    batch_id bigint NOT NULL REFERENCES batches,
    job_type text COLLATE "C" NOT NULL,
    has_hit boolean NOT NULL,
    sampled_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (batch_id, job_type)
);

-- migrate:down
DROP TABLE sampled_lists;
DROP TABLE found_jobs;
DROP TABLE job_looks;
DROP TABLE media;
DROP TABLE canaries;
DROP TABLE batches;
DROP TABLE targets;
