-- migrate:up

-- What the cloud answered and no document of ours knows (a code, a status, a type): kept, counted, and
-- told once a night with an example. It never proves anything (design rule 9).
CREATE TABLE unseen_words (
    target_id integer NOT NULL REFERENCES targets,
    action text COLLATE "C" NOT NULL,
    field text COLLATE "C" NOT NULL,
    word text COLLATE "C" NOT NULL,
    -- A media, job or request that showed it last.
    example text NOT NULL,
    times bigint NOT NULL CHECK (times > 0),
    first_seen_at timestamptz NOT NULL DEFAULT now(),
    last_seen_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (target_id, action, field, word)
);

-- Ways back into doubt: a retry where no certain refusal came, and an adopted JobId that the cloud does
-- not know.
INSERT INTO transitions (from_state, to_state) VALUES
    ('rejected', 'in_doubt'),
    ('dead', 'in_doubt'),
    ('submitted', 'in_doubt');

-- migrate:down
DELETE FROM transitions
 WHERE (from_state, to_state) IN (('rejected', 'in_doubt'), ('dead', 'in_doubt'), ('submitted', 'in_doubt'));
DROP TABLE unseen_words;
