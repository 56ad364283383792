-- migrate:up

-- The key that a request was signed with: a gateway that keeps nonces per key runs the same request
-- under another key once more.
ALTER TABLE attempts ADD COLUMN access_key_id text;
-- When it was proven, or an operator said, that no job came of the request.
ALTER TABLE attempts ADD COLUMN absent_at timestamptz;

-- The lease whose request was sent once more. It stands on the row itself, where whoever moves it must
-- meet it: an answer of the first sender that nothing was sent is then too late.
ALTER TABLE submissions ADD COLUMN replayed_lease bigint;
UPDATE submissions s SET replayed_lease = t.lease
  FROM attempts t
 WHERE t.submission_id = s.id AND t.lease = s.lease AND t.replayed_at IS NOT NULL;

-- migrate:down
ALTER TABLE submissions DROP COLUMN replayed_lease;
ALTER TABLE attempts DROP COLUMN absent_at;
ALTER TABLE attempts DROP COLUMN access_key_id;
