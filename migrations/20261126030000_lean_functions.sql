-- migrate:up

-- A stock server compiles what it thinks expensive. These run once a statement, in sessions of others
-- too (psql, a load through a pooler), and compiling them took longer than all of their work.
ALTER FUNCTION submissions_moved() SET jit = off;
ALTER FUNCTION submissions_start_pending() SET jit = off;
ALTER FUNCTION submissions_spent() SET jit = off;

-- migrate:down
ALTER FUNCTION submissions_spent() RESET jit;
ALTER FUNCTION submissions_start_pending() RESET jit;
ALTER FUNCTION submissions_moved() RESET jit;
