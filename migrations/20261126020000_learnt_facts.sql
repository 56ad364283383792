-- migrate:up

-- What a probe, or our own known jobs, have shown of the target's cloud (core/learnt.py).
ALTER TABLE targets ADD COLUMN learnt jsonb;

-- Seen over one kept connection, a refused nonce says nothing of a gateway that keeps them per node.
UPDATE targets SET replay_confirmed_at = NULL;

-- migrate:down
ALTER TABLE targets DROP COLUMN learnt;
