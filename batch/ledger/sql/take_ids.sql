-- The id before a block of ids that nobody else gets (under lock_loads). $1 how many
-- Repeat: ask
SELECT setval(s.name, nextval(s.name) + $1) - $1 AS before
  FROM pg_get_serial_sequence('submissions', 'id') AS s(name)
