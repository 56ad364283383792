-- Where COPY puts a manifest's good lines; gone with the transaction.
CREATE TEMPORARY TABLE staged (
    line bigint NOT NULL,
    media_id text COLLATE "C" NOT NULL,
    types text NOT NULL,
    config_key text COLLATE "C" NOT NULL,
    config text,
    user_data text,
    priority smallint NOT NULL
) ON COMMIT DROP
