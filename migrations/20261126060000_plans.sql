-- migrate:up

-- What `submit --plan` may send: exactly the submissions that were due when its hash was held against
-- them. Neighbouring ids make one range, so a list is one and a plan of millions is a few bytes.
CREATE TABLE plans (
    run_id uuid PRIMARY KEY,
    target_id integer NOT NULL REFERENCES targets,
    hash text NOT NULL,
    ids int8multirange NOT NULL,
    made_at timestamptz NOT NULL DEFAULT now()
);

-- migrate:down
DROP TABLE plans;
