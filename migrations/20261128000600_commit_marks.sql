-- migrate:up

-- Whether a transaction was committed, for a command whose line was cut before the answer: one row a
-- command, with the number of the last of its transactions that did something not to be done twice.
CREATE TABLE commit_marks (
    id uuid PRIMARY KEY,
    number bigint NOT NULL,
    marked_at timestamptz NOT NULL DEFAULT now()
);

-- migrate:down
DROP TABLE commit_marks;
