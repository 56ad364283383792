-- migrate:up

-- GCRA: the moment at which the next send of this target may leave, by the database's clock. Every
-- worker of the target takes its slots from here, so the sum of their rates is the quota.
ALTER TABLE targets ADD COLUMN next_slot_at timestamptz;

-- migrate:down
ALTER TABLE targets DROP COLUMN next_slot_at;
