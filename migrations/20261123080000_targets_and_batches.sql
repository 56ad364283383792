-- migrate:up

-- One account and region of the cloud: the holder of a quota and of a pause.
CREATE TABLE targets (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account text NOT NULL,
    region text NOT NULL,
    -- What kind of server got this target's first call: a ledger filled against a stand-in must not
    -- be taken for work that the cloud has done.
    service text CHECK (service IN ('cloud', 'stand-in')),
    -- A throttling answer is a fact about the account, so it is kept here and not on a row.
    paused_until timestamptz,
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
    CONSTRAINT batches_known_file UNIQUE (target_id, campaign, sha256, options),
    CONSTRAINT quarantined_lines_have_a_file CHECK ((quarantined = 0) = (quarantine_path IS NULL))
);

-- migrate:down
DROP TABLE batches;
DROP TABLE targets;
