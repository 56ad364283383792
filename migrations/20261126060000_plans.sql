-- migrate:up

-- What a run may send, where it may not send all: exactly the submissions that were due when the hash of
-- `submit --plan` was held against them, or a night's canaries. Neighbouring ids make one range, so a
-- list is one and a plan of millions is a few bytes.
CREATE TABLE plans (
    id uuid PRIMARY KEY,
    target_id integer NOT NULL REFERENCES targets,
    hash text NOT NULL,
    ids int8multirange NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now()
);

-- migrate:down
DROP TABLE plans;
