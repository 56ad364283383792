-- migrate:up

-- An operator's word that this ledger may pay for media that the cloud knows jobs of already. Without
-- it the first run of a target looks for such jobs, lest a ledger made by accident pay for all again.
ALTER TABLE targets
    ADD COLUMN first_run_accepted_at timestamptz,
    ADD COLUMN first_run_accepted_by text;

-- migrate:down
ALTER TABLE targets
    DROP COLUMN first_run_accepted_by,
    DROP COLUMN first_run_accepted_at;
