-- migrate:up

-- What a free look at a media showed (GetVideoInfos): whether a paid job makes sense, and how long it
-- is charged for.
CREATE TABLE media (
    target_id integer NOT NULL REFERENCES targets,
    media_id text COLLATE "C" NOT NULL,
    status text NOT NULL,
    duration_seconds numeric(12, 3) CHECK (duration_seconds >= 0),
    checked_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (target_id, media_id)
);

-- Preflight refuses what could only be refused, before anything is sent.
INSERT INTO transitions (from_state, to_state) VALUES ('pending', 'rejected');

-- migrate:down
DELETE FROM transitions WHERE from_state = 'pending' AND to_state = 'rejected';
DROP TABLE media;
