-- migrate:up

-- How far ahead next_slot_at lay when it was last moved, and how long the pause was to be when it was
-- set (an hour: the longest there is). Time that passes only makes them shorter, so more than this
-- means a clock that was set back.
ALTER TABLE targets
    ADD COLUMN slots_lead interval NOT NULL DEFAULT '0',
    ADD COLUMN pause_length interval NOT NULL DEFAULT '1 hour';

-- A row that nobody has put off is due at once, whatever a clock says later.
ALTER TABLE submissions ALTER COLUMN due_at SET DEFAULT to_timestamp(0);

-- migrate:down
ALTER TABLE submissions ALTER COLUMN due_at SET DEFAULT now();
ALTER TABLE targets
    DROP COLUMN pause_length,
    DROP COLUMN slots_lead;
