-- Where COPY puts what a manifest asks for, one row a line and type, in the manifest's order; gone
-- with the transaction.
-- Repeat: ask
CREATE TEMPORARY TABLE staged (
    line bigint NOT NULL,
    media_id text COLLATE "C" NOT NULL,
    job_type text COLLATE "C" NOT NULL,
    config_key text COLLATE "C" NOT NULL,
    config text,
    user_data text,
    priority smallint NOT NULL,
    campaign text
) ON COMMIT DROP
