-- migrate:up

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
