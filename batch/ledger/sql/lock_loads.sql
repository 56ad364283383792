-- One load at a time, so that an anti-join is enough to keep rows unique and a block of ids can be
-- taken in one piece.
SELECT pg_advisory_xact_lock(7309475735966278500)
